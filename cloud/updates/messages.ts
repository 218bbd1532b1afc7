// Messages of OTA protocol v3, between cloud and device over UDP:
//
//   UpdateStart   CON POST /S   size, SHA-256, chunk size, module function, discard
//                 2.01, later   window, bytes that the device holds already
//   UpdateChunk   NON POST /C   index from 1, bytes; no token
//   UpdateAck     NON POST /A   chunks received without a gap, bitmap of those beyond; from the device, no token
//   UpdateFinish  CON POST /F   cancel, discard; 2.04 later, or an error with JSON

import { DecodeError } from "../bytes";
import { CoapCode, CoapOptionNumber, findUint, stringOption, uintOption } from "../coap/codec";
import type { CoapMessage, CoapOption } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

/** Options of the device protocol, elective or not as they come. */
enum UpdateOption {
  ChunkIndex = 2049,
  WindowSize = 2053,
  FileSize = 2057,
  FileSha256 = 2061,
  ChunkSize = 2065,
  DiscardData = 2069,
  CancelUpdate = 2073,
  ModuleFunction = 2077,
  /**
   * Not in Device OS, which ignores it: the device acknowledges so many chunks together, and does not do so at once for
   * each gap.
   */
  AckInterval = 2080,
}

/** Bytes of a chunk: multiples of 4; the longest message of a device has 1152 bytes, 14 of them before the data. */
export const MIN_CHUNK_SIZE = 512;
export const MAX_CHUNK_SIZE = 1136;

/** 32-bit words of the bitmap of an UpdateAck. */
const MAX_BITMAP_LENGTH = 8 * 4;

export interface UpdateStart {
  /** Bytes of the file, above 0. */
  size: number;
  /** SHA-256 of the file, 32 bytes. */
  hash: Buffer;
  chunkSize: number;
  /** Chunks that the device may acknowledge together, 1 to 255. */
  ackInterval: number;
  /** What the file replaces, in numbers of the system description: 5 is the user part. */
  moduleFunction?: number;
  /** Forget what a former transfer has left. */
  discard?: boolean;
}

/** What a device answers to an UpdateStart. */
export interface UpdateStarted {
  /** Chunks that may be under way beyond those received without a gap. */
  window: number;
  /** Bytes that it holds already: the first chunk begins there. */
  offset: number;
}

/** What a device has of the chunks. */
export interface UpdateAck {
  /** Chunks received without a gap. */
  received: number;
  /** Indices of those beyond it, ascending. */
  beyond: number[];
}

export function encodeUpdateStart(start: UpdateStart): OutgoingMessage {
  const options: CoapOption[] = [
    stringOption(CoapOptionNumber.UriPath, "S"),
    uintOption(UpdateOption.FileSize, start.size),
    { number: UpdateOption.FileSha256, value: start.hash },
    uintOption(UpdateOption.ChunkSize, start.chunkSize),
  ];
  if (start.discard) options.push(emptyOption(UpdateOption.DiscardData));
  if (start.moduleFunction !== undefined) {
    options.push(uintOption(UpdateOption.ModuleFunction, start.moduleFunction));
  }
  options.push(uintOption(UpdateOption.AckInterval, start.ackInterval));
  return { code: CoapCode.Post, options };
}

/** @throws DecodeError when there is no window, or the device holds more than the file has */
export function decodeUpdateStarted(response: CoapMessage, size: number): UpdateStarted {
  const window = findUint(response, UpdateOption.WindowSize);
  const offset = findUint(response, UpdateOption.FileSize);
  if (window === undefined || window === 0) throw new DecodeError("no window");
  if (offset === undefined) throw new DecodeError("no size of what the device holds");
  if (offset > size) throw new DecodeError(`the device holds ${offset} of ${size} bytes`);
  return { window, offset };
}

/** @param index from 1 on */
export function encodeUpdateChunk(index: number, payload: Uint8Array): OutgoingMessage {
  const options = [
    stringOption(CoapOptionNumber.UriPath, "C"),
    uintOption(UpdateOption.ChunkIndex, index),
  ];
  return { code: CoapCode.Post, options, payload };
}

/** @throws DecodeError */
export function decodeUpdateAck(request: CoapMessage): UpdateAck {
  const received = findUint(request, UpdateOption.ChunkIndex);
  if (received === undefined) throw new DecodeError("acknowledgement without an index");
  const { payload } = request;
  if (payload.length % 4 !== 0 || payload.length > MAX_BITMAP_LENGTH) {
    throw new DecodeError(`acknowledgement with a bitmap of ${payload.length} bytes`);
  }
  const beyond: number[] = [];
  // Words are little-endian: bit b of byte n is chunk received + 8n + b + 1.
  for (let bit = 0; bit < payload.length * 8; bit++) {
    if (payload[bit >> 3] & (1 << (bit & 7))) beyond.push(received + bit + 1);
  }
  return { received, beyond };
}

export function encodeUpdateFinish(how: { cancel?: boolean; discard?: boolean }): OutgoingMessage {
  const options = [stringOption(CoapOptionNumber.UriPath, "F")];
  if (how.cancel) options.push(emptyOption(UpdateOption.CancelUpdate));
  if (how.discard) options.push(emptyOption(UpdateOption.DiscardData));
  return { code: CoapCode.Post, options };
}

function emptyOption(number: UpdateOption): CoapOption {
  return { number, value: Buffer.alloc(0) };
}
