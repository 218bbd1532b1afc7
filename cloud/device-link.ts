// What the cloud knows of one device, and its CoAP endpoint while it has a session.

import { CoapType } from "./coap/codec";
import type { CoapMessage } from "./coap/codec";
import { Exchanges } from "./coap/exchanges";
import { MessageLayer } from "./coap/message-layer";
import type { TransmissionParameters } from "./coap/message-layer";
import type { StoredDuplicate } from "./coap/duplicates";
import { count } from "./counters";
import type { Counters } from "./counters";
import { DescribeType, decodeApplicationDescribe } from "./device-protocol/describe";
import type { ApplicationDescribe, DescribeReassembly } from "./device-protocol/describe";
import { decodeHello } from "./device-protocol/hello";
import type { Hello } from "./device-protocol/hello";
import { Subscriptions } from "./device-protocol/subscriptions";
import type { Subscription } from "./device-protocol/subscriptions";
import { RESERVED_RECORDS, Session } from "./dtls/session";
import type { StoredSession } from "./dtls/session";
import { fingerprint } from "./keys";
import type { RegisteredDevice } from "./registry";
import { ResourceEndpoint } from "./resources/endpoint";
import type { EndpointHost } from "./resources/endpoint";
import { longestMessage } from "./tcp/frame-cipher";
import type { TcpSession } from "./tcp/session";
import type { DeviceUpdate } from "./updates/device-update";

/** A DTLS session, or a TCP connection. */
export type LinkSession = Session | TcpSession;

/** TCP repeats what got lost: each message is sent once, and its answer has 20 s. Tokens are the limit, not NSTART. */
const TCP_TRANSMISSION: TransmissionParameters = {
  ACK_TIMEOUT_MS: 20_000,
  ACK_RANDOM_FACTOR: 1,
  MAX_RETRANSMIT: 0,
  NSTART: 256,
};

/** Bytes of the message buffer of a device that does not tell: a Photon's. */
const SMALLEST_BUFFER = 800;

/** What a link needs from its cloud. */
export interface LinkHost {
  readonly counters: Counters;
  readonly transmission: TransmissionParameters;
  readonly endpoint: EndpointHost;
  /** Engine time, ms. */
  now(): number;
  random(length: number): Uint8Array;
  send(session: LinkSession, bytes: Buffer): void;
  handleRequest(link: DeviceLink, request: CoapMessage): void;
}

/** The JSON document of a device. */
interface StoredDevice {
  version: 1;
  publicKey: string;
  session?: StoredSession;
  /** Absent: true. */
  greeted?: boolean;
  lastMessageId: number;
  duplicates: StoredDuplicate[];
  lastHeard?: number;
  hello?: string;
  describes: Record<string, string>;
  subscriptions: Subscription[];
}

export class DeviceLink {
  session: LinkSession | undefined;
  messages: MessageLayer | undefined;
  exchanges: Exchanges | undefined;
  /** Plain CoAP resources; there is none in the Particle profile. */
  endpoint: ResourceEndpoint | undefined;
  /** The device protocol is spoken: always in the Particle profile, after a Hello in the standard one. */
  greeted = true;
  /** Requests may be sent: the device said Hello in this session, or was heard in a restored one. */
  ready = false;
  online = false;
  /** Wall clock of the last authenticated message, ms since 1970. */
  lastHeard: number | undefined;
  /** Engine time of the same. */
  heardAt = 0;
  /** Times that the session was heard from a new address. */
  moves = 0;
  hello: Hello | undefined;
  application: ApplicationDescribe | undefined;
  /** The update that is under way, or the last one. */
  update: DeviceUpdate | undefined;
  readonly subscriptions = new Subscriptions();
  readonly uploads = new Map<DescribeType, DescribeReassembly>();
  private helloPayload: Buffer | undefined;
  private readonly describes = new Map<DescribeType, Buffer>();
  private lastMessageId: number;

  constructor(
    public device: RegisteredDevice,
    private readonly host: LinkHost,
  ) {
    this.lastMessageId = Buffer.from(host.random(2)).readUInt16BE();
  }

  /** Begin a new CoAP endpoint on a session. Requests of the old one fail, message IDs run on. */
  attach(session: LinkSession, greeted = session.profile === "particle"): void {
    this.detach();
    this.session = session;
    this.greeted = greeted;
    this.ready = session.restored && greeted;
    const random = (): number => Buffer.from(this.host.random(4)).readUInt32BE() / 2 ** 32;
    this.messages = new MessageLayer(
      {
        send: (bytes) => this.host.send(session, bytes),
        request: (request) => this.host.handleRequest(this, request),
        response: (response) => this.exchanges?.handleResponse(response),
        reset: (messageId) => this.handleReset(messageId),
      },
      this.host.counters,
      random,
      session.transport === "tcp" ? TCP_TRANSMISSION : this.host.transmission,
      this.lastMessageId,
    );
    const { counters } = this.host;
    this.exchanges = new Exchanges(this.messages, counters, this.host.random(1)[0]);
    if (!greeted) this.messages.pong = CoapType.Reset;
    if (session.profile === "standard") {
      this.endpoint = new ResourceEndpoint(this.host.endpoint, this.messages, this.device.id);
    }
  }

  /** The session is over. */
  detach(): void {
    const { messages, exchanges } = this;
    if (messages) this.lastMessageId = messages.lastMessageId;
    this.session = undefined;
    this.messages = undefined;
    this.exchanges = undefined;
    this.endpoint?.close();
    this.endpoint = undefined;
    this.ready = false;
    this.uploads.clear();
    messages?.close();
    exchanges?.close();
    this.update?.handleAway();
  }

  /** Bytes of the longest message that the device can take: over TCP its buffer is known. */
  get maxMessageLength(): number {
    if (this.session?.transport !== "tcp") return Infinity;
    return longestMessage(this.hello?.maxMessageSize ?? SMALLEST_BUFFER);
  }

  setHello(payload: Buffer, hello: Hello): void {
    this.helloPayload = payload;
    this.hello = hello;
    this.ready = true;
    this.greeted = true;
    if (this.messages) this.messages.pong = CoapType.Acknowledgement;
  }

  /** Keep the payload of a describe. @throws DecodeError when the application describe is malformed */
  setDescribe(type: DescribeType, payload: Buffer): void {
    if (type === DescribeType.Application) this.application = decodeApplicationDescribe(payload);
    this.describes.set(type, payload);
  }

  getDescribe(type: DescribeType): Buffer | undefined {
    return this.describes.get(type);
  }

  nextDeadline(): number {
    return Math.min(
      this.messages?.nextDeadline() ?? Infinity,
      this.exchanges?.nextDeadline() ?? Infinity,
      this.endpoint?.nextDeadline() ?? Infinity,
      this.update?.nextDeadline() ?? Infinity,
    );
  }

  handleTimeout(now: number): void {
    this.exchanges?.handleTimeout(now);
    this.messages?.handleTimeout(now);
    this.endpoint?.handleTimeout(now);
    this.update?.handleTimeout(now);
  }

  /** The document to store. */
  store(now: number): string {
    const stored: StoredDevice = {
      version: 1,
      publicKey: fingerprint(this.device.publicKey),
      session: this.session?.transport === "udp" ? this.session.toJSON() : undefined,
      greeted: this.greeted,
      lastMessageId: this.messages?.lastMessageId ?? this.lastMessageId,
      duplicates: this.messages?.duplicates.store(now) ?? [],
      lastHeard: this.lastHeard,
      hello: this.helloPayload?.toString("hex"),
      describes: Object.fromEntries(
        [...this.describes].map(([type, payload]) => [type, payload.toString("hex")]),
      ),
      subscriptions: [...this.subscriptions.all],
    };
    return JSON.stringify(stored);
  }

  /**
   * Take over a stored document.
   * @param reserve stores the session durably
   * @returns the restored session, if there was one
   * @throws Error when the document is damaged or belongs to another key
   */
  restore(document: string, now: number, reserve: (session: Session) => void): Session | undefined {
    const stored = JSON.parse(document) as StoredDevice;
    if (stored.version !== 1 || stored.publicKey !== fingerprint(this.device.publicKey)) {
      throw new Error("the stored state is of another version or another key");
    }
    // Fewer messages than records were sent since this was stored, and never more records than are reserved.
    this.lastMessageId = (stored.lastMessageId + RESERVED_RECORDS) & 0xffff;
    this.lastHeard = stored.lastHeard;
    if (stored.hello !== undefined) {
      this.helloPayload = Buffer.from(stored.hello, "hex");
      this.hello = decodeHello(this.helloPayload, this.device.id);
    }
    for (const [type, payload] of Object.entries(stored.describes)) {
      this.setDescribe(Number(type), Buffer.from(payload, "hex"));
    }
    for (const subscription of stored.subscriptions) this.subscriptions.add(subscription);
    if (!stored.session) return undefined;
    const session = Session.fromJSON(stored.session, this.device.id, reserve);
    this.attach(session, stored.greeted ?? true);
    this.messages?.duplicates.restore(stored.duplicates, now);
    return session;
  }

  private handleReset(messageId: number): void {
    if (this.update?.handleReset(messageId, this.host.now())) return;
    if (this.endpoint) this.endpoint.handleReset(messageId);
    else count(this.host.counters, "unknown-acknowledgement");
  }
}
