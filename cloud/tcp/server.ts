// The TCP server: connections from the nonce to the goodbye. Sans-IO: bytes and time come in, bytes go out by
// `poll`. A connection that does anything wrong is closed without a word, whatever it was.

import { DecodeError } from "../bytes";
import { decodeCoap } from "../coap/codec";
import type { CoapMessage } from "../coap/codec";
import { count } from "../counters";
import type { Counters, DropReason } from "../counters";
import type { Registry } from "../registry";
import { TcpConnection } from "./connection";
import {
  NONCE_LENGTH,
  SESSION_BLOCK_LENGTH,
  encodeServerMessage,
  judgeDeviceMessage,
} from "./key-exchange";
import type { RsaKeyPair } from "./rsa-keys";
import type { Random } from "./rsa-padding";
import { TcpSession, isHello } from "./session";
import type { StreamPiece } from "./stream-reader";

/** What a connection may take. */
export interface TcpLimits {
  /** From the connection to the Hello of the device, ms. */
  handshakeTimeoutMs: number;
  /** From the first byte of a frame to its last, ms. */
  frameTimeoutMs: number;
  /** Between two frames, ms. Device OS pings after 15 s. */
  idleTimeoutMs: number;
  /** At a time, with and without a session. */
  maxConnections: number;
  /** Connections before their Hello, at a time. A further one takes the place of the oldest. */
  maxHandshakes: number;
  /** Bytes that may wait for a device that does not read. */
  maxQueuedBytes: number;
}

export interface TcpServerOptions extends TcpLimits {
  /** RSA-2048; devices have its public key pinned. */
  keyPair: RsaKeyPair;
  registry: Registry;
  random: Random;
}

export type TcpCloseReason = "connection-closed" | "replaced" | "silent" | "not-reading" | "broken";

/** What the server tells its owner. */
export interface TcpServerEvents {
  /** There is something to poll. */
  wake(): void;
  /** The first frame of a session made sense. */
  sessionConfirmed(session: TcpSession): void;
  /** One message of the device, well-formed and the next in order. */
  applicationData(session: TcpSession, message: Buffer): void;
  sessionClosed(session: TcpSession, reason: TcpCloseReason): void;
  log(level: "info" | "warn", message: string): void;
}

/** Bytes to write to a connection, or its end. */
export interface StreamOutput {
  to: string;
  bytes: Buffer;
  close: boolean;
}

export class TcpServer {
  /** By address, the oldest first. */
  private readonly connections = new Map<string, TcpConnection>();
  /** Established ones by device id. */
  private readonly byDevice = new Map<string, TcpConnection>();
  /** Addresses of connections that were closed on this side. */
  private readonly closed = new Set<string>();

  constructor(
    private readonly options: TcpServerOptions,
    private readonly events: TcpServerEvents,
    private readonly counters: Counters,
  ) {
    if (options.keyPair.bits !== 2048) throw new Error("the server's RSA key is not of 2048 bits");
  }

  /** A peer connected: it gets its nonce. @returns false when there is no room: close it */
  handleConnection(address: string, now: number): boolean {
    this.handleDisconnection(address);
    this.closed.delete(address);
    this.makeRoom();
    if (this.connections.size >= this.options.maxConnections) {
      count(this.counters, "connection-refused");
      return false;
    }
    const nonce = Buffer.from(this.options.random(NONCE_LENGTH));
    const connection = new TcpConnection(address, nonce, now);
    this.connections.set(address, connection);
    connection.write(nonce);
    this.events.wake();
    return true;
  }

  /** Bytes of a peer, in any pieces. Never throws, whatever they contain. */
  handleBytes(address: string, bytes: Uint8Array, now: number): void {
    const connection = this.connections.get(address);
    if (!connection) return;
    const { reader } = connection;
    for (let rest = bytes; rest.length > 0 && this.isOpen(connection);) {
      const { used, piece } = reader.take(rest);
      rest = rest.subarray(used);
      if (!piece) continue;
      connection.frameDeadline = Infinity;
      this.handlePiece(connection, piece, now);
    }
    if (reader.midway && connection.frameDeadline === Infinity) {
      connection.frameDeadline = now + this.options.frameTimeoutMs;
    }
  }

  /** The peer closed the connection, or it broke. */
  handleDisconnection(address: string): void {
    const connection = this.connections.get(address);
    if (connection) this.remove(connection, "connection-closed");
  }

  /** Timestamp of the next timer in ms, or Infinity. */
  nextDeadline(): number {
    let deadline = Infinity;
    for (const connection of this.connections.values()) {
      deadline = Math.min(deadline, this.deadlineOf(connection));
    }
    return deadline;
  }

  /** Close what has taken too long. */
  handleTimeout(now: number): void {
    for (const connection of [...this.connections.values()]) {
      if (now < this.deadlineOf(connection)) continue;
      if (connection.established) this.close(connection, "silent");
      else this.refuse(connection, "took too long to say Hello", "connection-timeout");
    }
  }

  /**
   * The next bytes to write, or the next connection to close, until undefined.
   * @param isBlocked connections that cannot take more now
   */
  poll(isBlocked: (address: string) => boolean): StreamOutput | undefined {
    for (const to of this.closed) {
      this.closed.delete(to);
      return { to, bytes: Buffer.alloc(0), close: true };
    }
    for (const connection of this.connections.values()) {
      const { address } = connection;
      if (connection.queued === 0 || isBlocked(address)) continue;
      return { to: address, bytes: connection.takeOutput(), close: false };
    }
    return undefined;
  }

  has(session: TcpSession): boolean {
    return this.connections.get(session.address)?.session === session;
  }

  /** Send one CoAP message. A device that does not read loses its connection. */
  send(session: TcpSession, message: Uint8Array): void {
    const connection = this.connections.get(session.address);
    if (connection?.session !== session) return;
    connection.write(session.seal(message));
    if (connection.queued > this.options.maxQueuedBytes) {
      count(this.counters, "connection-not-reading");
      return this.close(connection, "not-reading");
    }
    this.events.wake();
  }

  /** End a session and its connection; nothing is told of it. */
  closeSession(session: TcpSession): void {
    const connection = this.connections.get(session.address);
    if (connection?.session !== session) return;
    this.forget(connection);
    this.closed.add(connection.address);
    this.events.wake();
  }

  private handlePiece(connection: TcpConnection, piece: StreamPiece, now: number): void {
    switch (piece.kind) {
      case "handshake":
        return this.handleDeviceMessage(connection, piece.bytes);
      case "frame":
        return this.handleFrame(connection, piece.ciphertext, now);
      case "bad-length":
        return this.handleNonsense(connection, "a frame of impossible length");
    }
  }

  private handleDeviceMessage(connection: TcpConnection, encrypted: Buffer): void {
    const { keyPair, registry, random } = this.options;
    const verdict = judgeDeviceMessage(encrypted, connection.nonce, keyPair, registry, random);
    if (!verdict.accepted) return this.refuse(connection, verdict.reason, "connection-rejected");
    const { address } = connection;
    const block = Buffer.from(random(SESSION_BLOCK_LENGTH));
    connection.session = new TcpSession(verdict.deviceId, address, block);
    connection.write(encodeServerMessage(block, verdict.spki, keyPair, random));
    this.events.wake();
  }

  private handleFrame(connection: TcpConnection, ciphertext: Buffer, now: number): void {
    const session = connection.session as TcpSession;
    const bytes = session.open(ciphertext);
    const message = bytes && decode(bytes);
    if (!bytes || !message) return this.handleNonsense(connection, "a frame that is no message");
    if (!session.follows(message)) {
      return this.handleNonsense(connection, `message ID ${message.messageId} out of order`);
    }
    if (!connection.established) {
      if (!isHello(message)) return this.handleNonsense(connection, "no Hello at the beginning");
      this.confirm(connection, session);
    }
    connection.heardAt = now;
    this.events.applicationData(session, bytes);
  }

  /** The device has read its session block, so it is the one: an older connection of it is over. */
  private confirm(connection: TcpConnection, session: TcpSession): void {
    const older = this.byDevice.get(session.deviceId);
    if (older) this.close(older, "replaced");
    connection.established = true;
    this.byDevice.set(session.deviceId, connection);
    this.events.log("info", `TCP session with device ${session.deviceId} at ${session.address}`);
    this.events.sessionConfirmed(session);
  }

  private handleNonsense(connection: TcpConnection, what: string): void {
    if (!connection.established) return this.refuse(connection, what, "connection-rejected");
    count(this.counters, "malformed-frame");
    this.events.log("warn", `connection with ${connection.address} closed: ${what}`);
    this.close(connection, "broken");
  }

  private refuse(connection: TcpConnection, what: string, reason: DropReason): void {
    count(this.counters, reason);
    this.close(connection, "broken");
    this.events.log("warn", `connection with ${connection.address} refused: ${what}`);
  }

  private close(connection: TcpConnection, reason: TcpCloseReason): void {
    this.closed.add(connection.address);
    this.remove(connection, reason);
    this.events.wake();
  }

  private remove(connection: TcpConnection, reason: TcpCloseReason): void {
    const { session, established } = connection;
    this.forget(connection);
    if (session && established) this.events.sessionClosed(session, reason);
  }

  private forget(connection: TcpConnection): void {
    const { address, session } = connection;
    this.connections.delete(address);
    if (!session || this.byDevice.get(session.deviceId) !== connection) return;
    this.byDevice.delete(session.deviceId);
  }

  /** A flood of connections that never say Hello must not keep devices out. */
  private makeRoom(): void {
    const { maxHandshakes, maxConnections } = this.options;
    const unfinished = [...this.connections.values()].filter(({ established }) => !established);
    const full = this.connections.size >= maxConnections || unfinished.length >= maxHandshakes;
    if (full && unfinished.length > 0) {
      this.refuse(unfinished[0], "others wait", "connection-refused");
    }
  }

  private isOpen(connection: TcpConnection): boolean {
    return this.connections.get(connection.address) === connection;
  }

  private deadlineOf({ established, openedAt, heardAt, frameDeadline }: TcpConnection): number {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.options;
    if (!established) return openedAt + handshakeTimeoutMs;
    return Math.min(heardAt + idleTimeoutMs, frameDeadline);
  }
}

function decode(bytes: Buffer): CoapMessage | undefined {
  try {
    return decodeCoap(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
