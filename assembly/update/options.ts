// Options of the messages of OTA protocol v3, read in one pass. A number that is no uint of 4 bytes, an
// option twice, or content where there shall be none: the message is malformed.

import {
  optionLength,
  optionNext,
  optionNumber,
  optionRewind,
  optionUint,
  optionValue,
} from "../coap/message";
import { Option } from "../coap/protocol";
import { FILE_HASH_SIZE, UpdateOption } from "./protocol";

/** A bit for each critical option that is there, see `bitOf`. */
let present: u32 = 0;
let isMalformed: bool = false;
let isUnknown: bool = false;

let chunkIndex: u32 = 0;
let fileSize: u32 = 0;
let chunkSize: u32 = 0;
let moduleFunction: u32 = 0;
let ackInterval: u32 = 0;
let fileHash: usize = 0;

/** Numbers 2049...2077, four apart. */
// @ts-ignore: decorator
@inline
function bitOf(option: i32): u32 {
  return 1 << ((option - UpdateOption.ChunkIndex) >> 2);
}

/**
 * Read the options of the decoded message.
 * @returns the one character of its Uri-Path; 0 when the path is another
 */
export function readUpdateOptions(): i32 {
  present = 0;
  isMalformed = false;
  isUnknown = false;
  chunkIndex = 0;
  fileSize = 0;
  chunkSize = 0;
  moduleFunction = 0;
  ackInterval = 0;
  fileHash = 0;
  let resource = 0;
  let segments = 0;
  optionRewind();
  while (optionNext()) {
    const option = optionNumber();
    if (option == Option.UriPath) {
      resource = optionLength() == 1 ? <i32>load<u8>(optionValue()) : 0;
      segments += 1;
    } else if (option >= UpdateOption.ChunkIndex) {
      takeOption(option);
    } else if (option & 1) {
      isUnknown = true;
    }
  }
  return segments == 1 ? resource : 0;
}

function takeOption(option: i32): void {
  if (option == UpdateOption.AckInterval) {
    ackInterval = min(optionUint(), 255);
    return;
  }
  const isOurs = option <= UpdateOption.ModuleFunction && (option & 3) == 1;
  if (!isOurs) {
    if (option & 1) isUnknown = true;
    return;
  }
  const length = optionLength();
  if (present & bitOf(option)) isMalformed = true;
  present |= bitOf(option);
  if (option == UpdateOption.FileHash) {
    if (length != FILE_HASH_SIZE) isMalformed = true;
    fileHash = optionValue();
  } else if (option == UpdateOption.DiscardData || option == UpdateOption.CancelUpdate) {
    if (length > 0) isMalformed = true;
  } else {
    if (length > 4) isMalformed = true;
    takeNumber(option, optionUint());
  }
}

function takeNumber(option: i32, value: u32): void {
  if (option == UpdateOption.ChunkIndex) chunkIndex = value;
  else if (option == UpdateOption.FileSize) fileSize = value;
  else if (option == UpdateOption.ChunkSize) chunkSize = value;
  else if (option == UpdateOption.ModuleFunction) moduleFunction = value;
}

/** Whether an option has a value that it cannot have. */
export function optionsAreMalformed(): bool {
  return isMalformed;
}

/** Whether there is a critical option that is not understood (RFC 7252 §5.4.1). */
export function optionsAreUnknown(): bool {
  return isUnknown;
}

/** Whether an option without content is there. @param option UpdateOption, not the last */
export function optionIsSet(option: i32): bool {
  return (present & bitOf(option)) != 0;
}

/** Number of the chunk, 1 or more; 0 when it is not there. */
export function optionChunkIndex(): u32 {
  return chunkIndex;
}

/** Bytes of the file; 0 when it is not there. */
export function optionFileSize(): u32 {
  return fileSize;
}

/** Bytes of a chunk; 0 when it is not there. */
export function optionChunkSize(): u32 {
  return chunkSize;
}

/** Type of the module; 0 when it is not there. */
export function optionModuleFunction(): u32 {
  return moduleFunction;
}

/** SHA-256 of the file, 32 bytes; 0 when it is not there. */
export function optionFileHash(): usize {
  return fileHash;
}

/** Chunks for each acknowledgement, 1...255; 0 when it is not there. */
export function optionAckInterval(): u32 {
  return ackInterval;
}
