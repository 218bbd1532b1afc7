// Messages of the chunked updates of old devices, and of all devices over TCP:
//
//   UpdateBegin  CON POST /u   flags 1 | chunk size 2 | file size 4 | store 1 | address 4
//                2.04, later   flags 1
//   Chunk        CON POST /c   Uri-Query CRC-32 4, and in the fast variant Uri-Query index 2, from 0; bytes
//                slow: 2.04 or 4.00, later; fast: nothing
//   UpdateDone   CON PUT /u    2.04, or 4.00 and then ChunkMissed
//   ChunkMissed  GET /c        indices 2 each; from the device

import { crc32 } from "node:zlib";
import { DecodeError, uint } from "../bytes";
import { CoapCode, CoapOptionNumber, stringOption } from "../coap/codec";
import type { CoapMessage, CoapOption } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

/** Chunks need no answer each; those that are missing are asked for at the end. */
const FAST = 0x01;
/** The firmware slot of the device, at an address of its own choice. */
const STORE_FIRMWARE = 0;

const PATH = CoapOptionNumber.UriPath;

export function encodeUpdateBegin(size: number, chunkSize: number, fast: boolean): OutgoingMessage {
  const flags = fast ? FAST : 0;
  const payload = Buffer.concat([
    Buffer.of(flags),
    uint(chunkSize, 2),
    uint(size, 4),
    Buffer.of(STORE_FIRMWARE),
    uint(0, 4),
  ]);
  return { code: CoapCode.Post, options: [stringOption(PATH, "u")], payload };
}

/** @returns whether the device takes the fast variant. @throws DecodeError */
export function decodeUpdateReady(response: CoapMessage): boolean {
  const { payload } = response;
  if (payload.length > 1) throw new DecodeError(`update ready with ${payload.length} bytes`);
  return payload.length === 1 && (payload[0] & FAST) !== 0;
}

/** @param index from 0 on; undefined in the slow variant */
export function encodeChunk(payload: Uint8Array, index: number | undefined): OutgoingMessage {
  const options: CoapOption[] = [
    stringOption(PATH, "c"),
    { number: CoapOptionNumber.UriQuery, value: uint(crc32(payload), 4) as Buffer },
  ];
  if (index !== undefined) {
    options.push({ number: CoapOptionNumber.UriQuery, value: uint(index, 2) as Buffer });
  }
  return { code: CoapCode.Post, options, payload };
}

export function encodeUpdateDone(): OutgoingMessage {
  return { code: CoapCode.Put, options: [stringOption(PATH, "u")] };
}

/** @returns indices of chunks from 0 on, as the device lists them. @throws DecodeError */
export function decodeChunkMissed(request: CoapMessage): number[] {
  const { payload } = request;
  if (payload.length === 0 || payload.length % 2 !== 0) {
    throw new DecodeError(`missing chunks in ${payload.length} bytes`);
  }
  return Array.from({ length: payload.length / 2 }, (_, at) => payload.readUInt16BE(2 * at));
}
