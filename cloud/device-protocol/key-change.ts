// Key change: PUT /k?<1> makes a device forget its session and come back with a full handshake. The value is a raw byte.

import { CoapCode, CoapOptionNumber } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

export function encodeKeyChange(): OutgoingMessage {
  return {
    code: CoapCode.Put,
    options: [
      { number: CoapOptionNumber.UriPath, value: Buffer.from("k") },
      { number: CoapOptionNumber.UriQuery, value: Buffer.of(1) },
    ],
  };
}
