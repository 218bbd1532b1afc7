// The Internet test: after a failed connection attempt one NTP request (RFC 5905 §7.3) asks whether
// anything on the Internet answers, so that the log can tell a cloud that is away from a network that
// leads nowhere. It only watches: no attempt waits for it, and no clock is set from the answer.

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { lookup } from "node:dns/promises";

import { ConnectionState, Reason } from "./abi";

/** Numbers as `boson_internet_result` has them (bindings/wasm3/boson.h). */
export enum InternetResult {
  /** The server answered: there is an Internet, and the fault is the cloud's or on the way to it. */
  Reachable = 1,
  /** The request went out and nothing came back. */
  NoAnswer = 2,
  /** The network has no address for the server's name. */
  NoName = 3,
  /** The request could not be sent. */
  NoNetwork = 4,
}

export interface InternetTestOptions {
  /** Name or IPv4 address of an NTP server; pool.ntp.org unless given. */
  host?: string;
  /** UDP port, 123 unless given. */
  port?: number;
}

/** What the log says of each result. */
const TEXTS: Record<InternetResult, string> = {
  [InternetResult.Reachable]: "Reachable: the Internet is there, the cloud was not reached",
  [InternetResult.NoAnswer]: "NoAnswer: the network is up, nothing on the Internet answers",
  [InternetResult.NoName]: "NoName: the network is up, names do not resolve",
  [InternetResult.NoNetwork]: "NoNetwork: there is no network",
};

/** The log line of a result. */
export function internetText(result: InternetResult): string {
  return `internet: ${TEXTS[result]}`;
}

const DEFAULT_HOST = "pool.ntp.org";
const DEFAULT_PORT = 123;
/** How long the name may take, and then the answer, ms. */
const PATIENCE = 10_000;
/** A server is not asked again earlier, ms: the shortest poll interval of RFC 5905 §7.3, 2^4 s. */
const INTERVAL = 16_000;
/** RFC 5905 §7.3: the header, and where in it the timestamps are. */
const HEADER = 48;
const ORIGIN = 24;
const TRANSMIT = 40;
/** Leap indicator 0, version 4, mode 3 (client); the mode of an answer is 4 (server). */
const CLIENT = (4 << 3) | 3;
const MODE_MASK = 7;
const MODE_SERVER = 4;

/** The request: a random transmit timestamp, which an answer must repeat and which tells no time. */
function encodeRequest(): Buffer {
  const request = Buffer.alloc(HEADER);
  request[0] = CLIENT;
  randomBytes(HEADER - TRANSMIT).copy(request, TRANSMIT);
  return request;
}

/** Whether a datagram is the server's answer to `request`. */
function isAnswer(datagram: Uint8Array, request: Buffer): boolean {
  if (datagram.length < HEADER || (datagram[0] & MODE_MASK) !== MODE_SERVER) return false;
  return request.subarray(TRANSMIT).equals(datagram.subarray(ORIGIN, ORIGIN + HEADER - TRANSMIT));
}

/** Whether the network itself is missing, when a lookup or a socket has failed. */
function resultOf(error: unknown): InternetResult {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOTFOUND" || code === "ENODATA"
    ? InternetResult.NoName
    : InternetResult.NoNetwork;
}

/** The test of one device: told of each step of the connection, it runs when an attempt has failed. */
export class InternetTest {
  private readonly host: string;
  private readonly port: number;
  /** An attempt is under way that has not come to a connection. */
  private isTrying = false;
  private starting: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private socket: Socket | undefined;
  private askedAt = -Infinity;
  /** Counts the runs, so that a lookup that was given up is known when it ends. */
  private run = 0;
  private isRunning = false;

  constructor(
    { host = DEFAULT_HOST, port = DEFAULT_PORT }: InternetTestOptions,
    private readonly done: (result: InternetResult) => void,
  ) {
    this.host = host;
    this.port = port;
  }

  /** A step of the connection. The test begins when what the step caused has been handled. */
  note(state: ConnectionState, reason: Reason): void {
    if (state === ConnectionState.Opening) {
      this.stop();
      this.isTrying = true;
    } else if (state === ConnectionState.Connected) {
      this.isTrying = false;
    } else if (state === ConnectionState.Disconnected) {
      const hasFailed = this.isTrying && reason !== Reason.Requested;
      this.isTrying = false;
      if (reason === Reason.Requested) this.close();
      if (hasFailed) this.starting = setImmediate(() => void this.start());
    }
  }

  /**
   * Close the socket: the next attempt needs one. A request that is out by then counts as not
   * answered; a name that is still looked up tells nothing.
   */
  stop(): void {
    clearImmediate(this.starting);
    if (this.socket) this.end(InternetResult.NoAnswer);
    else this.close();
  }

  /** Close everything and tell nothing. */
  close(): void {
    clearImmediate(this.starting);
    clearTimeout(this.timer);
    this.isRunning = false;
    this.run += 1;
    this.socket?.close();
    this.socket = undefined;
  }

  private end(result: InternetResult): void {
    if (!this.isRunning) return;
    this.close();
    this.done(result);
  }

  private async start(): Promise<void> {
    const now = performance.now();
    if (this.isRunning || now - this.askedAt < INTERVAL) return;
    this.askedAt = now;
    this.isRunning = true;
    const run = ++this.run;
    this.timer = setTimeout(() => {
      this.end(this.socket ? InternetResult.NoAnswer : InternetResult.NoName);
    }, PATIENCE);
    this.timer.unref();
    try {
      const { address } = await lookup(this.host, { family: 4 });
      if (run === this.run) this.ask(address);
    } catch (error) {
      if (run === this.run) this.end(resultOf(error));
    }
  }

  /** Send the one request, and wait for the answer of that server. */
  private ask(address: string): void {
    const request = encodeRequest();
    const socket = createSocket("udp4");
    socket.unref();
    this.socket = socket;
    const fail = (error: NodeJS.ErrnoException | null): void => {
      // The server's host refuses: that it is there is no answer, but the network is.
      if (!error || error.code === "ECONNREFUSED" || socket !== this.socket) return;
      this.end(resultOf(error));
    };
    socket.on("error", fail);
    socket.on("message", (datagram) => {
      if (socket === this.socket && isAnswer(datagram, request)) this.end(InternetResult.Reachable);
    });
    // Node hands the callback an error, which its types do not say.
    socket.connect(this.port, address, (error: NodeJS.ErrnoException | null = null) => {
      fail(error);
      if (error || socket !== this.socket) return;
      this.askedAt = performance.now();
      this.timer?.refresh();
      socket.send(request, fail);
    });
  }
}
