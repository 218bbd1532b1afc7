// Time: GET /t, answered in the acknowledgement by 2.05 with Unix seconds. Devices take every 2.05 for the time.

import { uint } from "../bytes";
import { CoapCode } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

/** @param wallClockMs milliseconds since 1970 */
export function encodeTimeResponse(wallClockMs: number): OutgoingMessage {
  return { code: CoapCode.Content, payload: uint(Math.floor(wallClockMs / 1000) % 2 ** 32, 4) };
}
