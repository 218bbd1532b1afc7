// Plain CoAP requests of one client: from the message to the handler of its resource, and back.
// RFC 7252 §5, RFC 7641, RFC 7959.

import { CoapCode, CoapOptionNumber, CoapType, findUint, uriPath } from "../coap/codec";
import type { CoapMessage } from "../coap/codec";
import type { Block } from "../coap/block";
import type { MessageLayer, OutgoingMessage } from "../coap/message-layer";
import { Blockwise } from "./blockwise";
import { Observers } from "./observers";
import type { Observation } from "./observers";
import type { Resource, ResourceRequest, ResourceResponse, Resources } from "./resource";

/** What an endpoint needs from its cloud. */
export interface EndpointHost {
  readonly resources: Resources;
  /** The largest block size, as SZX. */
  readonly maxSzx: number;
  /** Change something outside of handle calls, and send what comes of it. */
  run(change: (now: number) => void): void;
  log(level: "info" | "warn", message: string): void;
}

/** Critical options that are understood. Any other one is a reason to refuse (RFC 7252 §5.4.1). */
const CRITICAL_OPTIONS: number[] = [
  CoapOptionNumber.UriHost,
  CoapOptionNumber.UriPort,
  CoapOptionNumber.UriPath,
  CoapOptionNumber.UriQuery,
  CoapOptionNumber.Accept,
  CoapOptionNumber.Block2,
  CoapOptionNumber.Block1,
];

/** Answers that may be due later, for one client: each keeps its request. */
const MAX_DELAYED = 64;

interface Delayed {
  deadline: number;
  send: (now: number) => void;
}

export class ResourceEndpoint {
  private readonly blockwise: Blockwise;
  private readonly observers: Observers;
  private delayed: Delayed[] = [];
  private closed = false;

  constructor(
    private readonly host: EndpointHost,
    private readonly messages: MessageLayer,
    private readonly deviceId: string,
  ) {
    this.blockwise = new Blockwise(host.maxSzx);
    this.observers = new Observers(messages);
  }

  /** Handle one new request and answer it, now or later. */
  handleRequest(request: CoapMessage, now: number): void {
    const refusal = this.refuse(request);
    if (refusal) return this.messages.respond(request, { code: refusal });
    const received = this.blockwise.receive(request, now);
    if (received.kind === "answer") return this.messages.respond(request, received.message);
    const later = this.blockwise.followUp(request, now);
    if (later) return this.messages.respond(request, later);
    const path = pathOf(request);
    const resource = this.host.resources.get(path) as Resource;
    const result = this.call(resource, this.toRequest(request, path, received.payload));
    const { block1 } = received;
    if (!(result instanceof Promise)) return this.answer(request, result, block1, now);
    // It has to be acknowledged now (RFC 7252 §5.2.2).
    this.messages.reply(request);
    void result.then((response) =>
      this.host.run((later) => this.answerSeparately(request, response, block1, later)),
    );
  }

  /** The state of a resource changed: tell who observes it. */
  notify(path: string, confirmable: boolean, now: number): void {
    for (const observation of this.observers.of(path)) {
      this.notifyOne(observation, confirmable, now);
    }
  }

  /** The client rejected a message that it got. */
  handleReset(messageId: number): void {
    this.observers.handleReset(messageId);
  }

  nextDeadline(): number {
    return Math.min(Infinity, ...this.delayed.map(({ deadline }) => deadline));
  }

  handleTimeout(now: number): void {
    const due = this.delayed.filter(({ deadline }) => now >= deadline);
    this.delayed = this.delayed.filter((entry) => !due.includes(entry));
    for (const { send } of due) send(now);
  }

  /** The session is over: nothing more is sent. */
  close(): void {
    this.closed = true;
    this.delayed = [];
  }

  private refuse(request: CoapMessage): CoapCode | undefined {
    const unknown = request.options.some(
      ({ number }) => number % 2 === 1 && !CRITICAL_OPTIONS.includes(number),
    );
    if (unknown) return CoapCode.BadOption;
    return this.host.resources.has(pathOf(request)) ? undefined : CoapCode.NotFound;
  }

  private toRequest(request: CoapMessage, path: string, payload: Buffer): ResourceRequest {
    const queries = request.options.filter(({ number }) => number === CoapOptionNumber.UriQuery);
    return {
      deviceId: this.deviceId,
      method: request.code,
      path,
      query: queries.map(({ value }) => value.toString("utf8")),
      payload,
      contentFormat: findUint(request, CoapOptionNumber.ContentFormat),
      accept: findUint(request, CoapOptionNumber.Accept),
    };
  }

  private call(
    resource: Resource,
    request: ResourceRequest,
  ): ResourceResponse | Promise<ResourceResponse> {
    const fail = (error: unknown): ResourceResponse => {
      const reason = error instanceof Error ? error.message : String(error);
      this.host.log("warn", `${request.path} failed for device ${this.deviceId}: ${reason}`);
      return { code: CoapCode.InternalServerError };
    };
    try {
      const result = resource.handler(request);
      return result instanceof Promise ? result.catch(fail) : result;
    } catch (error) {
      return fail(error);
    }
  }

  private answer(
    request: CoapMessage,
    response: ResourceResponse,
    block1: Block | undefined,
    now: number,
  ): void {
    if (response.delayMs === undefined) {
      const message = this.toResponse(request, response, block1, now);
      return this.messages.respond(request, message);
    }
    if (this.delayed.length >= MAX_DELAYED) {
      return this.messages.respond(request, { code: CoapCode.ServiceUnavailable });
    }
    this.messages.reply(request);
    const send = (later: number): void => this.answerSeparately(request, response, block1, later);
    this.delayed.push({ deadline: now + response.delayMs, send });
  }

  private answerSeparately(
    request: CoapMessage,
    response: ResourceResponse,
    block1: Block | undefined,
    now: number,
  ): void {
    if (this.closed) return;
    const { token } = request;
    const message = { ...this.toResponse(request, response, block1, now), token };
    if (request.type !== CoapType.Confirmable) this.messages.sendNonConfirmable(message);
    else this.messages.sendConfirmable(message, now, () => undefined);
  }

  private toResponse(
    request: CoapMessage,
    response: ResourceResponse,
    block1: Block | undefined,
    now: number,
  ): OutgoingMessage {
    const message = this.blockwise.respond(request, response, block1, now);
    const path = pathOf(request);
    const observable = this.host.resources.get(path)?.observable ?? false;
    if (request.code !== CoapCode.Get || !observable || message.code >> 5 !== 2) return message;
    const option = this.observers.register(path, request);
    return option ? { ...message, options: [...(message.options ?? []), option] } : message;
  }

  private notifyOne(observation: Observation, confirmable: boolean, now: number): void {
    // One at a time: a newer state takes the place of those in between (RFC 7641 §4.5.2).
    observation.stale = observation.waiting;
    if (observation.waiting) return;
    const resource = this.host.resources.get(observation.path);
    if (!resource) return;
    const { path, request } = observation;
    const send = (response: ResourceResponse, at: number): void => {
      if (this.closed) return;
      const message = this.blockwise.respond(request, response, undefined, at);
      const again = (later: number): void => this.notifyOne(observation, true, later);
      this.observers.notify(observation, message, confirmable, at, again);
    };
    const result = this.call(resource, this.toRequest(request, path, request.payload));
    if (!(result instanceof Promise)) return send(result, now);
    void result.then((response) => this.host.run((later) => send(response, later)));
  }
}

function pathOf(request: CoapMessage): string {
  return `/${uriPath(request).join("/")}`;
}
