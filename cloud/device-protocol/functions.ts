// Function calls: POST /f/<name>?<argument>, answered by a 2.04 with an int32.

import { DecodeError } from "../bytes";
import { CoapCode, CoapOptionNumber, stringOption } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

/** Bytes of the longest function or variable name. */
export const MAX_NAME_LENGTH = 64;
/** Bytes of the longest argument. */
export const MAX_ARGUMENT_LENGTH = 1024;

/** The Uri-Query is always there, even when empty: a genuine device reads stale memory without it. */
export function encodeFunctionCall(name: string, argument: string): OutgoingMessage {
  return {
    code: CoapCode.Post,
    options: [
      stringOption(CoapOptionNumber.UriPath, "f"),
      stringOption(CoapOptionNumber.UriPath, name),
      stringOption(CoapOptionNumber.UriQuery, argument),
    ],
  };
}

/** The return value: int32, big-endian. @throws DecodeError */
export function decodeFunctionResult(payload: Buffer): number {
  if (payload.length !== 4) throw new DecodeError(`function result of ${payload.length} bytes`);
  return payload.readInt32BE();
}
