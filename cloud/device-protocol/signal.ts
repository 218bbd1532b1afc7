// Signal: PUT /s?<0 or 1> makes a device flash its LED. The value is a raw byte.

import { CoapCode, CoapOptionNumber } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

export function encodeSignal(on: boolean): OutgoingMessage {
  return {
    code: CoapCode.Put,
    options: [
      { number: CoapOptionNumber.UriPath, value: Buffer.from("s") },
      { number: CoapOptionNumber.UriQuery, value: Buffer.of(on ? 1 : 0) },
    ],
  };
}
