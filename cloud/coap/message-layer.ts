// The CoAP messaging model with one device: acknowledgements, retransmission, duplicates, message IDs (RFC 7252 §4).
// Sans-IO: time is an argument, encoded messages go out through `MessageLayerEvents.send`.

import { count } from "../counters";
import type { Counters } from "../counters";
import { CoapCode, CoapType, decodeCoap, encodeCoap } from "./codec";
import type { CoapMessage, CoapOption } from "./codec";
import { Duplicates } from "./duplicates";

/** RFC 7252 §4.8. */
export interface TransmissionParameters {
  ACK_TIMEOUT_MS: number;
  ACK_RANDOM_FACTOR: number;
  MAX_RETRANSMIT: number;
  /** Confirmable messages that may await their acknowledgement at a time. */
  NSTART: number;
}

export const DEFAULT_TRANSMISSION_PARAMETERS: TransmissionParameters = {
  ACK_TIMEOUT_MS: 2000,
  ACK_RANDOM_FACTOR: 1.5,
  MAX_RETRANSMIT: 4,
  NSTART: 1,
};

/** A message without what the layer fills in. */
export interface OutgoingMessage {
  code: number;
  token?: Buffer;
  options?: CoapOption[];
  payload?: Uint8Array;
}

/** Bytes of a message with a token of one byte. */
export function encodedLength({ code, options = [], payload }: OutgoingMessage): number {
  const token = Buffer.alloc(1);
  const body = Buffer.from(payload ?? []);
  return encodeCoap({ type: 0, code, messageId: 0, token, options, payload: body }).length;
}

/** What became of a confirmable message. "overflow": {@link MAX_WAITING} others wait, it was not sent. */
export type Delivery = "acknowledged" | "reset" | "timeout" | "closed" | "overflow";

/**
 * Confirmable messages that wait for their turn. A device that asks for messages and acknowledges none would have them
 * pile up, at one a minute (RFC 7252 §4.8.2, MAX_TRANSMIT_SPAN), and use up the message IDs.
 */
export const MAX_WAITING = 1024;

/** Messages that nobody waits for and whose answers are still known as such. */
const MAX_UNTRACKED = 1024;

export interface MessageLayerEvents {
  /** Send an encoded message in one record. */
  send(bytes: Buffer): void;
  /** A new request; a confirmable one must be answered with {@link MessageLayer.reply}. */
  request(request: CoapMessage): void;
  /** A response, piggybacked or separate; a separate confirmable one is already acknowledged. */
  response(response: CoapMessage): void;
  /** A Reset of a message that is not outstanding: a non-confirmable one. */
  reset?(messageId: number): void;
}

interface Outstanding {
  bytes: Buffer;
  messageId: number;
  token: Buffer;
  transmissions: number;
  timeoutMs: number;
  deadline: number;
  /** `answer` is the acknowledgement. */
  done: (delivery: Delivery, answer?: CoapMessage) => void;
}

export class MessageLayer {
  readonly duplicates = new Duplicates();
  /**
   * How a ping is answered. By the Reset of RFC 7252 §4.3, or, DEVIATION, by an empty acknowledgement: devices of the
   * Particle device protocol expect that and take a Reset for the end.
   */
  pong: CoapType.Acknowledgement | CoapType.Reset = CoapType.Acknowledgement;
  private readonly queue: Outstanding[] = [];
  private readonly outstanding = new Map<number, Outstanding>();
  /** Message IDs of {@link sendUntracked}, the oldest first. */
  private readonly untracked = new Set<number>();

  /**
   * @param random [0, 1) for timers
   * @param lastMessageId the message ID before the first one that is used
   */
  constructor(
    private readonly events: MessageLayerEvents,
    private readonly counters: Counters,
    private readonly random: () => number,
    private readonly parameters: TransmissionParameters,
    public lastMessageId: number,
  ) {}

  /** Confirmable messages that wait for their acknowledgement or for their turn. */
  get pending(): number {
    return this.queue.length + this.outstanding.size;
  }

  /** Handle one received message. Never throws on bad input. */
  handleMessage(bytes: Buffer, now: number): void {
    let message: CoapMessage;
    try {
      message = decodeCoap(bytes);
    } catch {
      // RFC 7252 §4.2 suggests a Reset; that would cost a device its session.
      return count(this.counters, "malformed-message");
    }
    if (message.type === CoapType.Acknowledgement || message.type === CoapType.Reset) {
      return this.handleReply(message, now);
    }
    const before = this.duplicates.note(message.messageId, now);
    if (before) {
      count(this.counters, "duplicate-message");
      if (before.reply) this.events.send(before.reply);
      return;
    }
    this.handleNew(message, now);
  }

  /**
   * Answer a confirmable request, piggybacked: the code with the request's token, or an empty acknowledgement.
   * A non-confirmable request gets nothing.
   */
  reply(request: CoapMessage, response: OutgoingMessage = { code: CoapCode.Empty }): void {
    if (request.type !== CoapType.Confirmable) return;
    const empty = response.code === CoapCode.Empty;
    const bytes = encodeCoap({
      type: CoapType.Acknowledgement,
      code: response.code,
      messageId: request.messageId,
      token: empty ? Buffer.alloc(0) : request.token,
      options: response.options ?? [],
      payload: Buffer.from(response.payload ?? []),
    });
    this.duplicates.setReply(request.messageId, bytes);
    this.events.send(bytes);
  }

  /** Answer a request in the way it was sent: piggybacked, or by a non-confirmable response (RFC 7252 §5.2). */
  respond(request: CoapMessage, response: OutgoingMessage): void {
    if (request.type === CoapType.Confirmable) return this.reply(request, response);
    this.sendNonConfirmable({ ...response, token: request.token });
  }

  /** Send a message that needs no acknowledgement. @returns its message ID */
  sendNonConfirmable(message: OutgoingMessage): number {
    const { bytes, messageId } = this.encode(CoapType.NonConfirmable, message);
    this.events.send(bytes);
    return messageId;
  }

  /**
   * Send a confirmable message once and do not wait: chunks of an update over TCP, which are answered only if something
   * is wrong. @returns its message ID
   */
  sendUntracked(message: OutgoingMessage): number {
    const { bytes, messageId } = this.encode(CoapType.Confirmable, message);
    this.untracked.add(messageId);
    if (this.untracked.size > MAX_UNTRACKED) {
      const [oldest] = this.untracked;
      this.untracked.delete(oldest);
    }
    this.events.send(bytes);
    return messageId;
  }

  /** Send a message that is repeated until it is acknowledged. `done` is called once, for "overflow" at once. */
  sendConfirmable(message: OutgoingMessage, now: number, done: Outstanding["done"]): void {
    if (this.queue.length >= MAX_WAITING) {
      count(this.counters, "message-overflow");
      return done("overflow");
    }
    const { bytes, messageId } = this.encode(CoapType.Confirmable, message);
    const token = message.token ?? Buffer.alloc(0);
    const entry = { bytes, messageId, token, transmissions: 0, timeoutMs: 0, deadline: 0, done };
    this.queue.push(entry);
    this.startQueued(now);
  }

  /** Take a message out that nobody waits for any more. Its `done` is not called. */
  cancel(token: Buffer, now: number): void {
    const index = this.queue.findIndex((entry) => entry.token.equals(token));
    if (index >= 0) this.queue.splice(index, 1);
    for (const entry of this.outstanding.values()) {
      if (entry.token.equals(token)) this.outstanding.delete(entry.messageId);
    }
    this.startQueued(now);
  }

  nextDeadline(): number {
    let deadline = Infinity;
    for (const entry of this.outstanding.values()) deadline = Math.min(deadline, entry.deadline);
    return deadline;
  }

  handleTimeout(now: number): void {
    for (const entry of [...this.outstanding.values()]) {
      if (now < entry.deadline) continue;
      if (entry.transmissions > this.parameters.MAX_RETRANSMIT) this.settle(entry, "timeout");
      else this.transmit(entry, now);
    }
    this.startQueued(now);
  }

  /** The session is over: everything that waits has failed. */
  close(): void {
    const entries = [...this.outstanding.values(), ...this.queue.splice(0)];
    this.outstanding.clear();
    for (const entry of entries) entry.done("closed");
  }

  private handleNew(message: CoapMessage, now: number): void {
    const confirmable = message.type === CoapType.Confirmable;
    if (message.code === CoapCode.Empty) {
      return this.pong === CoapType.Reset ? this.sendReset(message) : this.reply(message);
    }
    if (message.code >> 5 === 0) return this.events.request(message);
    if (confirmable) this.reply(message);
    // A separate response also says that the request arrived (RFC 7252 §5.2.2).
    for (const entry of this.outstanding.values()) {
      if (message.token.length > 0 && entry.token.equals(message.token)) {
        this.settle(entry, "acknowledged");
      }
    }
    this.startQueued(now);
    this.events.response(message);
  }

  private handleReply(message: CoapMessage, now: number): void {
    const entry = this.outstanding.get(message.messageId);
    const reset = message.type === CoapType.Reset;
    if (!entry && reset && this.events.reset) return this.events.reset(message.messageId);
    if (!entry && this.untracked.has(message.messageId)) {
      if (message.token.length > 0) this.events.response(message);
      return;
    }
    if (!entry) return count(this.counters, "unknown-acknowledgement");
    this.settle(entry, reset ? "reset" : "acknowledged", message);
    this.startQueued(now);
    if (!reset && message.code !== CoapCode.Empty && message.token.length > 0) {
      this.events.response(message);
    }
  }

  private sendReset(message: CoapMessage): void {
    if (message.type !== CoapType.Confirmable) return;
    const { messageId } = message;
    const empty = { token: Buffer.alloc(0), options: [], payload: Buffer.alloc(0) };
    const bytes = encodeCoap({ type: CoapType.Reset, code: CoapCode.Empty, messageId, ...empty });
    this.duplicates.setReply(messageId, bytes);
    this.events.send(bytes);
  }

  private settle(entry: Outstanding, delivery: Delivery, answer?: CoapMessage): void {
    this.outstanding.delete(entry.messageId);
    entry.done(delivery, answer);
  }

  private startQueued(now: number): void {
    while (this.outstanding.size < this.parameters.NSTART) {
      const entry = this.queue.shift();
      if (!entry) return;
      const spread = 1 + this.random() * (this.parameters.ACK_RANDOM_FACTOR - 1);
      entry.timeoutMs = this.parameters.ACK_TIMEOUT_MS * spread;
      this.outstanding.set(entry.messageId, entry);
      this.transmit(entry, now);
    }
  }

  private transmit(entry: Outstanding, now: number): void {
    entry.deadline = now + entry.timeoutMs * 2 ** entry.transmissions;
    entry.transmissions++;
    this.events.send(entry.bytes);
  }

  private encode(type: CoapType, message: OutgoingMessage): { bytes: Buffer; messageId: number } {
    const messageId = this.nextMessageId();
    const bytes = encodeCoap({
      type,
      code: message.code,
      messageId,
      token: message.token ?? Buffer.alloc(0),
      options: message.options ?? [],
      payload: Buffer.from(message.payload ?? []),
    });
    return { bytes, messageId };
  }

  private nextMessageId(): number {
    const taken = (id: number): boolean =>
      this.outstanding.has(id) || this.queue.some((entry) => entry.messageId === id);
    do this.lastMessageId = (this.lastMessageId + 1) & 0xffff;
    while (taken(this.lastMessageId));
    return this.lastMessageId;
  }
}
