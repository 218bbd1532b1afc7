// The DTLS 1.2 server: sorts datagrams into probes, handshakes and sessions. Sans-IO: time comes in as an argument,
// datagrams go out through `DtlsServerEvents.transmit`. Nothing is stored for an address before its cookie came back.

import { DecodeError } from "../bytes";
import { count } from "../counters";
import type { Counters } from "../counters";
import { decodeClientHello } from "./client-hello";
import type { ClientHello } from "./client-hello";
import { CookieSecret } from "./cookie";
import { decodeHandshakeFragments, encodeHandshakeMessage } from "./handshake-message";
import type { HandshakeMessage } from "./handshake-message";
import {
  AlertDescription,
  AlertLevel,
  ContentType,
  HandshakeError,
  HandshakeType,
} from "./protocol";
import { encodeRecord, parseRecords } from "./record";
import type { DtlsRecord } from "./record";
import { ServerHandshake } from "./server-handshake";
import type { HandshakeContext } from "./server-handshake";
import { encodeHelloVerifyRequest } from "./server-messages";
import { CONNECTION_ID_LENGTH, EPOCH, Session } from "./session";
import type { SessionReset } from "./session-reset";
import { SessionStore } from "./session-store";

export interface DtlsServerOptions extends HandshakeContext {
  /** Ask for a cookie before anything else. */
  cookies: boolean;
  /** First retransmission of a flight, ms; doubles up to 60 s (RFC 6347 §4.2.4.1). */
  flightTimeoutMs: number;
  /** A handshake older than this is forgotten, ms. */
  handshakeLifetimeMs: number;
  /** Handshakes at a time; the oldest gives way. */
  maxHandshakes: number;
  /** Tells devices that their session is gone. */
  reset?: SessionReset;
}

export interface AlertEvent {
  address: string;
  deviceId?: string;
  level: number;
  description: number;
  /** False for alerts in clear: anybody may have sent them, nothing follows from them. */
  authenticated: boolean;
  direction: "in" | "out";
}

/** What the server tells its owner. */
export interface DtlsServerEvents {
  transmit(to: string, datagram: Buffer): void;
  /** Store a session durably, before numbers of its new reservation are used. @throws Error when that fails */
  reserve(session: Session): void;
  /** A record of a session was accepted; `moved` when its address changed. */
  applicationData(session: Session, data: Buffer, moved: boolean): void;
  /** A session was used for the first time and replaced the older ones of its device. */
  sessionConfirmed(session: Session): void;
  /** The device closed its session, or a newer one took its place before it was ever used. */
  sessionClosed(session: Session, reason: "close-notify" | "fatal-alert" | "replaced"): void;
  alert(alert: AlertEvent): void;
  log(level: "info" | "warn", message: string): void;
}

interface PendingHandshake {
  handshake: ServerHandshake;
  address: string;
  startedAt: number;
  retransmitAt: number;
  timeoutMs: number;
}

const MAX_FLIGHT_TIMEOUT_MS = 60_000;

export class DtlsServer {
  readonly sessions = new SessionStore();
  private readonly cookies: CookieSecret;
  private readonly handshakes = new Map<string, PendingHandshake>();
  private readonly handshakesByConnectionId = new Map<string, PendingHandshake>();

  constructor(
    private readonly options: DtlsServerOptions,
    private readonly events: DtlsServerEvents,
    private readonly counters: Counters,
  ) {
    this.cookies = new CookieSecret((length) => options.random(length));
  }

  /** Handshakes under way. */
  get pendingHandshakes(): number {
    return this.handshakes.size;
  }

  /** Handle one datagram. Never throws, whatever it contains. */
  handleDatagram(from: string, datagram: Uint8Array, now: number): void {
    // Old devices send a single zero byte to keep a NAT open; empty datagrams exist, too.
    if (datagram.length < 2) return count(this.counters, "empty-datagram");
    if (datagram[0] === ContentType.ReachabilityProbe) return this.echoProbe(from, datagram);
    const { records, complete } = parseRecords(datagram, CONNECTION_ID_LENGTH);
    records.forEach((record, index) => {
      if (!record.connectionId) return this.handlePlainRecord(from, record, now);
      const known = this.handleConnectionIdRecord(from, record);
      if (known) return;
      count(this.counters, "unknown-connection-id");
      if (index === 0 && complete) this.sendReset(from, record, datagram.length, now);
    });
    if (!complete) count(this.counters, "malformed-record");
  }

  /** Milliseconds timestamp of the next timer, or Infinity. */
  nextDeadline(): number {
    let deadline = Infinity;
    for (const { retransmitAt, startedAt } of this.handshakes.values()) {
      deadline = Math.min(deadline, retransmitAt, startedAt + this.options.handshakeLifetimeMs);
    }
    return deadline;
  }

  /** Retransmit flights that are due, forget handshakes that are too old. */
  handleTimeout(now: number): void {
    for (const pending of [...this.handshakes.values()]) {
      if (now >= pending.startedAt + this.options.handshakeLifetimeMs) {
        this.forget(pending);
        this.events.log("info", `handshake with ${pending.address} timed out`);
      } else if (now >= pending.retransmitAt) {
        pending.timeoutMs = Math.min(2 * pending.timeoutMs, MAX_FLIGHT_TIMEOUT_MS);
        this.transmitFlight(pending, now);
      }
    }
  }

  /** Send application data. @throws Error when the record number cannot be reserved */
  send(session: Session, data: Uint8Array): void {
    this.events.transmit(session.address, session.seal(ContentType.ApplicationData, data));
  }

  /** End a session: one sealed alert, unless it is not wanted, then its keys are gone. */
  close(session: Session, alert?: { level: AlertLevel; description: AlertDescription }): void {
    this.sessions.remove(session);
    if (alert) this.sendSealedAlert(session, alert.level, alert.description);
  }

  private echoProbe(from: string, datagram: Uint8Array): void {
    const bytes = Buffer.from(datagram);
    if (bytes.length < 13 || bytes.readUInt16BE(11) !== bytes.length - 13) {
      return count(this.counters, "malformed-probe");
    }
    this.events.transmit(from, bytes);
  }

  private handlePlainRecord(from: string, record: DtlsRecord, now: number): void {
    if (record.epoch !== 0) return count(this.counters, "unexpected-epoch");
    if (record.type === ContentType.Handshake && record.fragment[0] === HandshakeType.ClientHello) {
      return this.handleClientHello(from, record, now);
    }
    const pending = this.handshakes.get(from);
    switch (record.type) {
      case ContentType.Handshake:
      case ContentType.ChangeCipherSpec:
        if (!pending) return count(this.counters, "no-handshake");
        return this.advance(pending, record);
      case ContentType.Alert:
        if (!pending || record.fragment.length !== 2) {
          return count(this.counters, "plaintext-alert");
        }
        return this.events.alert({
          address: from,
          level: record.fragment[0],
          description: record.fragment[1],
          authenticated: false,
          direction: "in",
        });
      default:
        return count(this.counters, "unknown-record-type");
    }
  }

  private handleClientHello(from: string, record: DtlsRecord, now: number): void {
    let message: HandshakeMessage;
    let hello: ClientHello;
    try {
      const [fragment, ...others] = decodeHandshakeFragments(record.fragment);
      // A fragmented one would need memory before the cookie; no known device sends it.
      if (others.length > 0 || fragment.fragment.length !== fragment.length) {
        return count(this.counters, "fragmented-client-hello");
      }
      const { type, messageSequence, fragment: body } = fragment;
      message = { type, messageSequence, body };
      hello = decodeClientHello(body);
    } catch {
      return count(this.counters, "malformed-client-hello");
    }
    if (this.options.cookies && !this.cookies.isValid(from, hello, now)) {
      return this.sendHelloVerifyRequest(from, record, hello, now);
    }
    const pending = this.handshakes.get(from);
    if (pending?.handshake.hello.random.equals(hello.random)) {
      // A retransmission: the client has not seen our flight (RFC 6347 §4.2.4).
      if (pending.handshake.state === "AwaitCertificate") this.transmitFlight(pending, now);
      return;
    }
    this.startHandshake(from, record, message, hello, now);
  }

  private sendHelloVerifyRequest(
    from: string,
    record: DtlsRecord,
    hello: ClientHello,
    now: number,
  ): void {
    const fragment = encodeHandshakeMessage({
      type: HandshakeType.HelloVerifyRequest,
      messageSequence: 0,
      body: encodeHelloVerifyRequest(this.cookies.issue(from, hello, now)),
    });
    const { sequenceNumber } = record;
    const type = ContentType.Handshake;
    this.events.transmit(from, encodeRecord({ type, epoch: 0, sequenceNumber, fragment }));
  }

  private startHandshake(
    from: string,
    record: DtlsRecord,
    message: HandshakeMessage,
    hello: ClientHello,
    now: number,
  ): void {
    const connectionId = this.newConnectionId();
    let handshake: ServerHandshake;
    try {
      handshake = new ServerHandshake(
        this.options,
        hello,
        message,
        record.sequenceNumber,
        connectionId,
      );
    } catch (error) {
      this.sendPlainAlert(from, error, (type, fragment) =>
        encodeRecord({ type, epoch: 0, sequenceNumber: record.sequenceNumber, fragment }),
      );
      return;
    }
    const previous = this.handshakes.get(from);
    if (previous) this.forget(previous);
    const oldest = this.handshakes.values().next().value;
    if (oldest && this.handshakes.size >= this.options.maxHandshakes) this.forget(oldest);
    const timeoutMs = this.options.flightTimeoutMs;
    const pending = { handshake, address: from, startedAt: now, retransmitAt: now, timeoutMs };
    this.handshakes.set(from, pending);
    this.handshakesByConnectionId.set(connectionId.toString("hex"), pending);
    this.transmitFlight(pending, now);
  }

  private advance(pending: PendingHandshake, record: DtlsRecord): void {
    try {
      const result = pending.handshake.handleRecord(record);
      if (!result) return;
      this.forget(pending);
      const fields = {
        connectionId: pending.handshake.connectionId,
        deviceId: result.deviceId,
        keys: result.keys,
        variant: this.options.variant,
        address: pending.address,
        window: result.window,
      };
      const session = new Session(fields, (self) => this.events.reserve(self));
      session.keepFinalFlight(result.finished, result.plainSequence);
      for (const old of this.sessions.add(session)) this.events.sessionClosed(old, "replaced");
      this.events.log("info", `handshake with device ${session.deviceId} at ${session.address}`);
      this.transmitFinalFlight(session);
    } catch (error) {
      this.forget(pending);
      const { handshake } = pending;
      this.sendPlainAlert(pending.address, error, (type, fragment) =>
        handshake.plainRecord(type, fragment),
      );
    }
  }

  /** @returns false when no session and no handshake has this connection id */
  private handleConnectionIdRecord(from: string, record: DtlsRecord): boolean {
    const connectionId = record.connectionId as Buffer;
    const session = this.sessions.find(connectionId);
    const pending = this.handshakesByConnectionId.get(connectionId.toString("hex"));
    if (!session && !pending) return false;
    if (record.epoch !== EPOCH) count(this.counters, "unexpected-epoch");
    else if (session) this.handleSessionRecord(from, session, record);
    else if (pending?.address === from) this.advance(pending, record);
    else count(this.counters, "no-handshake");
    return true;
  }

  private sendReset(from: string, record: DtlsRecord, length: number, now: number): void {
    const datagram = this.options.reset?.answer(from, record, length, now);
    if (!datagram) return;
    this.events.transmit(from, datagram);
    this.events.alert({
      address: from,
      level: AlertLevel.Fatal,
      description: AlertDescription.InternalError,
      authenticated: false,
      direction: "out",
    });
  }

  private handleSessionRecord(from: string, session: Session, record: DtlsRecord): void {
    if (!session.window.isFresh(record.sequenceNumber)) {
      return count(this.counters, "replayed-record");
    }
    const opened = session.open(record);
    if (!opened) return count(this.counters, "unauthenticated-record");
    // RFC 9146 §6: only the newest authenticated record may move a session to another address.
    const moved = opened.newest && session.address !== from;
    if (moved) session.address = from;
    switch (opened.contentType) {
      case ContentType.ApplicationData:
        return this.handleApplicationData(session, opened.content, moved);
      case ContentType.Alert:
        return this.handleSealedAlert(session, opened.content);
      case ContentType.Handshake:
        // The client repeats its last flight: our Finished got lost (RFC 6347 §4.2.4).
        if (opened.content[0] === HandshakeType.Finished) this.transmitFinalFlight(session);
        return;
      default:
        return count(this.counters, "unknown-record-type");
    }
  }

  private handleApplicationData(session: Session, content: Buffer, moved: boolean): void {
    if (content.length === 0) return count(this.counters, "empty-record");
    if (!session.confirmed) {
      for (const old of this.sessions.confirm(session)) this.events.sessionClosed(old, "replaced");
      this.events.sessionConfirmed(session);
    }
    this.events.applicationData(session, content, moved);
  }

  private handleSealedAlert(session: Session, content: Buffer): void {
    if (content.length !== 2) return;
    const [level, description] = content;
    this.events.alert({
      address: session.address,
      deviceId: session.deviceId,
      level,
      description,
      authenticated: true,
      direction: "in",
    });
    if (level !== AlertLevel.Fatal && description !== AlertDescription.CloseNotify) return;
    this.sessions.remove(session);
    const closed = description === AlertDescription.CloseNotify;
    this.events.sessionClosed(session, closed ? "close-notify" : "fatal-alert");
  }

  private sendSealedAlert(
    session: Session,
    level: AlertLevel,
    description: AlertDescription,
  ): void {
    const record = session.seal(ContentType.Alert, Buffer.of(level, description));
    this.events.transmit(session.address, record);
    this.events.alert({
      address: session.address,
      deviceId: session.deviceId,
      level,
      description,
      authenticated: true,
      direction: "out",
    });
  }

  private sendPlainAlert(
    to: string,
    error: unknown,
    record: (type: ContentType, fragment: Buffer) => Buffer,
  ): void {
    const description = alertFor(error);
    const reason = error instanceof Error ? error.message : String(error);
    this.events.log("warn", `handshake with ${to} refused: ${reason}`);
    this.events.transmit(to, record(ContentType.Alert, Buffer.of(AlertLevel.Fatal, description)));
    this.events.alert({
      address: to,
      level: AlertLevel.Fatal,
      description,
      authenticated: false,
      direction: "out",
    });
  }

  private transmitFlight(pending: PendingHandshake, now: number): void {
    pending.retransmitAt = now + pending.timeoutMs;
    for (const datagram of pending.handshake.sealFlight()) {
      this.events.transmit(pending.address, datagram);
    }
  }

  private transmitFinalFlight(session: Session): void {
    const datagram = session.sealFinalFlight();
    if (datagram) this.events.transmit(session.address, datagram);
  }

  private forget(pending: PendingHandshake): void {
    this.handshakes.delete(pending.address);
    this.handshakesByConnectionId.delete(pending.handshake.connectionId.toString("hex"));
  }

  private newConnectionId(): Buffer {
    for (;;) {
      const id = Buffer.from(this.options.random(CONNECTION_ID_LENGTH));
      const taken = this.sessions.find(id) ?? this.handshakesByConnectionId.get(id.toString("hex"));
      if (!taken) return id;
    }
  }
}

/** The alert for a failed handshake. */
function alertFor(error: unknown): AlertDescription {
  if (error instanceof HandshakeError) return error.description;
  if (error instanceof DecodeError) return AlertDescription.DecodeError;
  return AlertDescription.InternalError;
}
