// The DTLS 1.2 server: sorts datagrams into probes, handshakes and sessions. Sans-IO: time comes in as an argument,
// datagrams go out through `DtlsServerEvents.transmit`. Nothing is stored for an address before its cookie came back.

import { DecodeError } from "../bytes";
import { count } from "../counters";
import type { Counters } from "../counters";
import { hostOf } from "./address";
import { ConnectionIds } from "./connection-ids";
import type { HandshakeResult, ReceivedHello } from "./handshake";
import { HelloAcceptor } from "./hello-acceptor";
import type { AcceptorOptions } from "./hello-acceptor";
import { PendingHandshakes } from "./pending-handshakes";
import type { PendingHandshake, PendingLimits } from "./pending-handshakes";
import {
  AlertDescription,
  AlertLevel,
  ContentType,
  HandshakeError,
  HandshakeType,
} from "./protocol";
import { encodeRecord, parseRecords } from "./record";
import type { DtlsRecord } from "./record";
import { EPOCH, Session } from "./session";
import type { SessionReset } from "./session-reset";
import { SessionStore } from "./session-store";

export interface DtlsServerOptions extends AcceptorOptions, PendingLimits {
  /** Bytes of a connection id in the standard profile, 1 to 8. */
  connectionIdLength: number;
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

/** "address-taken": it had no connection id, and another device uses its address now. */
export type CloseReason = "close-notify" | "fatal-alert" | "replaced" | "address-taken";

/** What the server tells its owner. */
export interface DtlsServerEvents {
  /** @param carried application data inside, as it was before it was sealed */
  transmit(to: string, datagram: Buffer, carried?: { session: Session; data: Uint8Array }): void;
  /** Store a session durably, before numbers of its new reservation are used. @throws Error when that fails */
  reserve(session: Session): void;
  /** A record of a session was accepted; `moved` when its address changed. */
  applicationData(session: Session, data: Buffer, moved: boolean): void;
  /** A session was used for the first time and replaced the older ones of its device. */
  sessionConfirmed(session: Session): void;
  /** The device closed its session, or a newer one took its place before it was ever used. */
  sessionClosed(session: Session, reason: CloseReason): void;
  alert(alert: AlertEvent): void;
  log(level: "info" | "warn", message: string): void;
}

/** Handshakes that are done whose ClientHello is still known when it comes late. */
const MAX_FINISHED = 256;

export class DtlsServer {
  readonly sessions = new SessionStore();
  readonly connectionIds: ConnectionIds;
  private readonly acceptor: HelloAcceptor;
  private readonly handshakes: PendingHandshakes;
  /** Client randoms of handshakes that are done, by address, the latest last. */
  private readonly finished = new Map<string, Buffer>();

  constructor(
    private readonly options: DtlsServerOptions,
    private readonly events: DtlsServerEvents,
    private readonly counters: Counters,
  ) {
    this.connectionIds = new ConnectionIds(options.connectionIdLength, options.random);
    this.acceptor = new HelloAcceptor(options);
    this.handshakes = new PendingHandshakes(options);
  }

  /** Handle one datagram. Never throws, whatever it contains. */
  handleDatagram(from: string, datagram: Uint8Array, now: number): void {
    // Old devices send a single zero byte to keep a NAT open; empty datagrams exist, too.
    if (datagram.length < 2) return count(this.counters, "empty-datagram");
    if (datagram[0] === ContentType.ReachabilityProbe) return this.echoProbe(from, datagram);
    const { records, complete } = parseRecords(datagram, this.connectionIds.lengthOf);
    records.forEach((record, index) => {
      if (!record.connectionId) return this.handlePlainRecord(from, record, now);
      const known = this.handleConnectionIdRecord(from, record, now);
      if (known) return;
      count(this.counters, "unknown-connection-id");
      if (index === 0 && complete) this.sendReset(from, record, datagram.length, now);
    });
    if (!complete) count(this.counters, "malformed-record");
  }

  /** Go on with a session of an earlier run. @throws Error when its connection id would not be understood */
  restore(session: Session): void {
    const { connectionId } = session;
    if (connectionId.length > 0 && !this.connectionIds.isValid(connectionId)) {
      throw new Error("its connection id has another length than those of this cloud");
    }
    this.sessions.add(session);
  }

  /** Milliseconds timestamp of the next timer, or Infinity. */
  nextDeadline(): number {
    return this.handshakes.nextDeadline();
  }

  /** Retransmit flights that are due, forget handshakes that are too old. */
  handleTimeout(now: number): void {
    const { due, expired } = this.handshakes.handleTimeout(now);
    for (const { address } of expired) {
      this.events.log("info", `handshake with ${address} timed out`);
    }
    for (const pending of due) this.transmitFlight(pending, now);
  }

  /** Send application data. @throws Error when the record number cannot be reserved */
  send(session: Session, data: Uint8Array): void {
    const record = session.seal(ContentType.ApplicationData, data);
    this.events.transmit(session.address, record, { session, data });
  }

  /** End a session for good: one sealed alert, unless it is not wanted, then its keys are gone. */
  close(session: Session, alert?: { level: AlertLevel; description: AlertDescription }): void {
    this.sessions.remove(session);
    this.forgetResumption(session);
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
    if (record.epoch !== 0) return this.handleAddressedRecord(from, record, now);
    if (record.type === ContentType.Handshake && record.fragment[0] === HandshakeType.ClientHello) {
      return this.handleClientHello(from, record, now);
    }
    const pending = this.handshakes.at(from);
    switch (record.type) {
      case ContentType.Handshake:
      case ContentType.ChangeCipherSpec:
        if (!pending) return count(this.counters, "no-handshake");
        return this.advance(pending, record, now);
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

  /** A protected record without a connection id: only its sender's address says whose it is. */
  private handleAddressedRecord(from: string, record: DtlsRecord, now: number): void {
    const sessions = this.sessions.at(from);
    const pending = this.handshakes.at(from);
    const own = pending?.handshake.connectionId.length === 0 ? pending : undefined;
    if (record.epoch !== EPOCH || (sessions.length === 0 && !own)) {
      return count(this.counters, "unexpected-epoch");
    }
    // A session stays until a newer one is used (RFC 6347 §4.2.8), so the record may belong to either.
    const session = sessions.find((candidate) => candidate.authenticates(record));
    if (session) return this.handleSessionRecord(from, session, record);
    if (own) return this.advance(own, record, now);
    count(this.counters, "unauthenticated-record");
  }

  private handleClientHello(from: string, record: DtlsRecord, now: number): void {
    let received: ReceivedHello | undefined;
    try {
      received = this.acceptor.decode(record);
    } catch {
      return count(this.counters, "malformed-client-hello");
    }
    if (!received) return count(this.counters, "fragmented-client-hello");
    const verdict = this.acceptor.judge(from, received, now);
    if (verdict.kind === "verify") return this.events.transmit(from, verdict.datagram);
    const pending = this.handshakes.at(from);
    if (pending?.handshake.clientRandom.equals(received.hello.random)) {
      // A retransmission: the client has not seen our flight (RFC 6347 §4.2.4).
      if (pending.handshake.fresh) this.transmitFlight(pending, now);
      return;
    }
    if (this.finished.get(from)?.equals(received.hello.random)) {
      // A late copy: the handshake that it began is over, and must not begin anew.
      return count(this.counters, "late-client-hello");
    }
    try {
      const handshake = this.acceptor.begin(received, verdict.session, (profile) =>
        this.connectionIds.draw(profile, (id) => this.isTaken(id)),
      );
      const place = { address: from, reachable: verdict.reachable };
      this.transmitFlight(this.handshakes.add(handshake, place, now), now);
    } catch (error) {
      const { sequenceNumber } = record;
      this.sendPlainAlert(from, error, (type, fragment) =>
        encodeRecord({ type, epoch: 0, sequenceNumber, fragment }),
      );
    }
  }

  private advance(pending: PendingHandshake, record: DtlsRecord, now: number): void {
    const { handshake } = pending;
    try {
      const result = handshake.handleRecord(record);
      if (!result) return;
      this.handshakes.remove(pending);
      this.establish(pending, result, now);
    } catch (error) {
      this.handshakes.remove(pending);
      this.sendPlainAlert(pending.address, error, (type, fragment) =>
        handshake.plainRecord(type, fragment),
      );
    }
  }

  private establish(
    { handshake, address }: PendingHandshake,
    result: HandshakeResult,
    now: number,
  ): void {
    const { agreement, connectionId } = handshake;
    const fields = {
      connectionId,
      deviceId: result.deviceId,
      profile: agreement.profile,
      keys: result.keys,
      peerConnectionId: agreement.peerConnectionId ?? Buffer.alloc(0),
      address,
      window: result.window,
      writeSequence: result.sealedSequence,
      resumptionId: result.resumable?.id,
    };
    const session = new Session(fields, (self) => this.events.reserve(self));
    if (result.finished) session.keepFinalFlight(result.finished, result.plainSequence);
    if (result.resumable) this.acceptor.cache.add(result.resumable, hostOf(address), now);
    this.reportReplaced(this.sessions.add(session), session);
    const kind = agreement.resumed ? "abbreviated handshake" : "handshake";
    this.events.log("info", `${kind} with device ${session.deviceId} at ${address}`);
    this.noteFinished(address, handshake.clientRandom);
    this.transmitFinalFlight(session);
  }

  /** Remember with which random the handshake of an address began. */
  private noteFinished(address: string, clientRandom: Buffer): void {
    this.finished.delete(address);
    this.finished.set(address, clientRandom);
    const [oldest] = this.finished.keys();
    if (this.finished.size > MAX_FINISHED) this.finished.delete(oldest);
  }

  /** @returns false when no session and no handshake has this connection id */
  private handleConnectionIdRecord(from: string, record: DtlsRecord, now: number): boolean {
    const connectionId = record.connectionId as Buffer;
    const session = this.sessions.find(connectionId);
    const pending = this.handshakes.find(connectionId);
    if (!session && !pending) return false;
    if (record.epoch !== EPOCH) count(this.counters, "unexpected-epoch");
    else if (session) this.handleSessionRecord(from, session, record);
    else if (pending?.address === from) this.advance(pending, record, now);
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
      this.reportReplaced(this.sessions.confirm(session), session);
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
    if (level === AlertLevel.Fatal) this.forgetResumption(session);
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
    this.handshakes.restart(pending, now);
    for (const datagram of pending.handshake.sealFlight()) {
      this.events.transmit(pending.address, datagram);
    }
  }

  private transmitFinalFlight(session: Session): void {
    const datagram = session.sealFinalFlight();
    if (datagram) this.events.transmit(session.address, datagram);
  }

  private reportReplaced(replaced: Session[], by: Session): void {
    for (const old of replaced) {
      const same = old.deviceId === by.deviceId;
      this.events.sessionClosed(old, same ? "replaced" : "address-taken");
    }
  }

  private forgetResumption(session: Session): void {
    if (session.resumptionId) this.acceptor.cache.remove(session.resumptionId);
  }

  private isTaken(connectionId: Buffer): boolean {
    return Boolean(this.sessions.find(connectionId) ?? this.handshakes.find(connectionId));
  }
}

/** The alert for a failed handshake. */
function alertFor(error: unknown): AlertDescription {
  if (error instanceof HandshakeError) return error.description;
  if (error instanceof DecodeError) return AlertDescription.DecodeError;
  return AlertDescription.InternalError;
}
