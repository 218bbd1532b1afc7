// Goodbye: POST /x before a graceful disconnect. Payload: varints, the flags first, then the fields that they announce.

import { ByteReader } from "../bytes";
import { decodeVarint } from "./protobuf";

export interface Goodbye {
  /** 1 error, 2 user, 3 network, 4 listening, 5 reset, 6 sleep, 7 unknown, 8 server moved. */
  cloudReason?: number;
  /** System reset reason, such as 70 (update) or 140 (user). */
  resetReason?: number;
  /** How long the device is going to sleep, s. */
  sleepSeconds?: number;
  networkReason?: number;
}

/** Decode the payload; an empty one says nothing. @throws DecodeError */
export function decodeGoodbye(payload: Uint8Array): Goodbye {
  const goodbye: Goodbye = {};
  if (payload.length === 0) return goodbye;
  const reader = new ByteReader(payload);
  const flags = decodeVarint(reader);
  if (flags & 1) goodbye.cloudReason = decodeVarint(reader);
  if (flags & 2) goodbye.resetReason = decodeVarint(reader);
  if (flags & 4) goodbye.sleepSeconds = decodeVarint(reader);
  if (flags & 8) goodbye.networkReason = decodeVarint(reader);
  return goodbye;
}
