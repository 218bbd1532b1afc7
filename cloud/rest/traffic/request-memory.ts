// Which request an answer belongs to: an acknowledgement or reset by its message ID, a response by its token
// (RFC 7252 §4.2, §5.3.2). A bounded memory of requests, the oldest goes first.

import { CoapType } from "../../coap/codec";
import type { CoapMessage } from "../../coap/codec";
import { causeOf, isRequest } from "./coap-summary";
import type { Cause } from "./coap-summary";

const CAPACITY = 4096;

export class RequestMemory {
  private readonly causes = new Map<string, Cause>();

  /** The cause of a message; one that asks for an answer is remembered. */
  causeOf(deviceId: string, direction: "in" | "out", message: CoapMessage): Cause {
    const id = `${deviceId} ${message.messageId}`;
    const token = `${deviceId} t${message.token.toString("hex")}`;
    const other = direction === "in" ? "out" : "in";
    let cause: Cause;
    if (isRequest(message)) {
      cause = causeOf(message, direction);
      this.remember(`${direction} ${token}`, cause);
    } else {
      const isAnswer = message.type >= CoapType.Acknowledgement;
      const request = isAnswer ? `${other} ${id}` : `${other} ${token}`;
      cause = this.causes.get(request) ?? "other";
    }
    // Also a separate response is acknowledged.
    if (message.type === CoapType.Confirmable) this.remember(`${direction} ${id}`, cause);
    return cause;
  }

  private remember(key: string, cause: Cause): void {
    this.causes.delete(key);
    this.causes.set(key, cause);
    if (this.causes.size <= CAPACITY) return;
    for (const oldest of this.causes.keys()) {
      this.causes.delete(oldest);
      return;
    }
  }
}
