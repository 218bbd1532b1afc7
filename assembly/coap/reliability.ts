// Whether the transport below CoAP is reliable: bytes arrive in order, once, or the connection ends.
// Then nothing is transmitted again, and what need not be answered is not confirmable (the TCP column
// of the Particle protocol; RFC 8323 §2 has the same reason). False at compile time without TCP.

import { TCP } from "../config";
import { MessageType } from "./protocol";

let reliable: bool = false;

// @ts-ignore: decorator
@inline
export function isReliable(): bool {
  return TCP && reliable;
}

/** Type of a message that needs no answer where nothing gets lost. */
// @ts-ignore: decorator
@inline
export function answerType(): i32 {
  if (TCP) {
    if (reliable) return MessageType.NonConfirmable;
  }
  return MessageType.Confirmable;
}

/** Choose for the connections from now on. */
export function setReliable(value: bool): void {
  reliable = value;
}
