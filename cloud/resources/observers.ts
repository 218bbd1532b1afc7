// The observations of one client (RFC 7641): who gets notified of what, and when that ends.

import { CoapOptionNumber, findUint, uintOption } from "../coap/codec";
import type { CoapMessage, CoapOption } from "../coap/codec";
import type { MessageLayer, OutgoingMessage } from "../coap/message-layer";

/** Observations of one client. More are answered as plain requests, which RFC 7641 §4.1 allows. */
const MAX_OBSERVATIONS = 16;
/** Non-confirmable notifications by which a client may still cancel. */
const MAX_REMEMBERED = 8;

/** Values of the Observe option in a request. */
enum Observe {
  Register = 0,
  Deregister = 1,
}

export interface Observation {
  path: string;
  /** The GET that began it: notifications answer it again. */
  request: CoapMessage;
  /** Message ids of its last notifications. */
  messageIds: number[];
  /** A confirmable notification waits for its acknowledgement; `stale` when the state changed since. */
  waiting: boolean;
  stale: boolean;
}

export class Observers {
  private readonly observations = new Map<string, Observation>();
  private sequence = 1;

  constructor(private readonly messages: MessageLayer) {}

  /** Heed the Observe option of a successful GET. @returns the option for its response, if there is one */
  register(path: string, request: CoapMessage): CoapOption | undefined {
    const value = findUint(request, CoapOptionNumber.Observe);
    const key = request.token.toString("hex");
    if (value === Observe.Deregister) this.observations.delete(key);
    if (value !== Observe.Register) return undefined;
    if (!this.observations.has(key) && this.observations.size >= MAX_OBSERVATIONS) return undefined;
    const observation = { path, request, messageIds: [], waiting: false, stale: false };
    this.observations.set(key, observation);
    return this.nextOption();
  }

  /** All observations of a path. */
  of(path: string): Observation[] {
    return [...this.observations.values()].filter((observation) => observation.path === path);
  }

  /**
   * Send one notification. A class other than 2 ends the observation (RFC 7641 §4.2).
   * @param again called when a confirmable one was acknowledged and the state had changed meanwhile
   */
  notify(
    observation: Observation,
    message: OutgoingMessage,
    confirmable: boolean,
    now: number,
    again: (now: number) => void,
  ): void {
    const { token } = observation.request;
    const key = token.toString("hex");
    if (this.observations.get(key) !== observation) return;
    const good = message.code >> 5 === 2;
    if (!good) this.observations.delete(key);
    const options = [...(message.options ?? []), ...(good ? [this.nextOption()] : [])];
    const notification = { ...message, token, options };
    if (!confirmable) {
      observation.messageIds.push(this.messages.sendNonConfirmable(notification));
      observation.messageIds.splice(0, observation.messageIds.length - MAX_REMEMBERED);
      return;
    }
    observation.waiting = true;
    this.messages.sendConfirmable(notification, now, (delivery) => {
      observation.waiting = false;
      // A Reset, or silence: the client is not interested any more (RFC 7641 §4.5).
      if (delivery !== "acknowledged") this.observations.delete(key);
      else if (observation.stale) again(now);
    });
  }

  /** A Reset of a non-confirmable notification. */
  handleReset(messageId: number): void {
    for (const [key, observation] of this.observations) {
      if (observation.messageIds.includes(messageId)) this.observations.delete(key);
    }
  }

  /** Counts up with each notification, 24 bits (RFC 7641 §3.4). */
  private nextOption(): CoapOption {
    this.sequence = (this.sequence + 1) & 0xffffff;
    return uintOption(CoapOptionNumber.Observe, this.sequence);
  }
}
