// A device in a Node process: the core, its socket, its timers, and an API of promises and typed
// events. The pump drains the core after every input, in the order that ARCHITECTURE.md gives.

import { EventEmitter } from "node:events";
import { performance } from "node:perf_hooks";

import {
  ConnectionState,
  CoreError,
  EventKind,
  Reason,
  Status,
  StorageSlot,
  SubscriptionContent,
} from "./abi";
import type { VariableType } from "./abi";
import type { ApplicationLimits } from "./application";
import { ApplicationHost } from "./application-host";
import { Calls } from "./calls";
import type { FunctionHandler, VariableHandler } from "./calls";
import { Core } from "./core";
import type { CoreEvent, PublishOptions, Transport } from "./core";
import type { DeviceEvents, DeviceOptions } from "./device-options";
import { InternetTest, internetText } from "./internet-test";
import { Link, StreamLink, decodeAddress } from "./link";
import { Publication } from "./publication";
import { Subscriptions } from "./subscriptions";
import type { EventHandler } from "./subscriptions";
import { Updates, updateStep } from "./updates";

/** How often `loop()` of an application module runs. */
const LOOP_INTERVAL = 10;
/** Cloud disconnect reason "server moved". */
const GOODBYE_SERVER_MOVED = 8;
const MAX_TIMER = 0x7fffffff;
/** Level of the Internet test's line in the log, as the core has them. */
const LOG_INFO = 30;

/** Milliseconds as the core counts them: 32 bits, wrapping. */
function clock(): number {
  return Math.floor(performance.now()) >>> 0;
}

export class Device extends EventEmitter<DeviceEvents> {
  readonly core: Core;
  /** Updates over the air, in a module that takes them. */
  readonly updates: Updates;
  private link: Link | StreamLink | undefined;
  private timer: NodeJS.Timeout | undefined;
  private loopTimer: NodeJS.Timeout | undefined;
  private pumping = false;
  private stopped = false;
  private attempt = 0;
  private server: { host: string; port: number };
  private readonly publishes = new Map<number, (status: number) => void>();
  private readonly flushes: ((isEmpty: boolean) => void)[] = [];
  private readonly calls: Calls;
  private readonly application: ApplicationHost | undefined;
  private readonly subscriptions = new Subscriptions();
  private readonly internetTest: InternetTest | undefined;

  constructor(private readonly options: DeviceOptions) {
    super();
    this.core = new Core(options);
    this.calls = new Calls(this.core, () => this.pump());
    this.updates = new Updates(this.core.exports, clock, () => this.pump());
    this.server = options.server;
    if (options.internetTest) {
      this.internetTest = new InternetTest(options.internetTest, (result) => {
        const text = internetText(result);
        options.log?.(LOG_INFO, text);
        this.emit("internet", { result, text });
      });
    }
    if (options.keepalive !== undefined) this.core.exports.set_keepalive(options.keepalive);
    if (this.core.exports.app_clock) this.startApplication();
    if (options.application) this.application = this.openApplication(options.application);
  }

  /** Get ready to run an application module beside the core; it starts when the caller is done. */
  private openApplication(limits: true | ApplicationLimits): ApplicationHost {
    const host = new ApplicationHost(this.core, limits === true ? {} : limits);
    host.open(clock());
    setImmediate(() => {
      if (this.stopped) return;
      host.start(clock());
      this.pump();
    });
    return host;
  }

  /** Run the application in the module: setup() once, loop() again and again. */
  private startApplication(): void {
    const { app_clock, setup, loop, __collect } = this.core.exports;
    app_clock!(clock());
    setup?.();
    this.loopTimer = setInterval(() => {
      app_clock!(clock());
      loop?.();
      __collect?.();
      this.pump();
    }, LOOP_INTERVAL);
    // Not before the caller has had a chance to listen.
    setImmediate(() => this.pump());
  }

  get state(): ConnectionState {
    return this.core.exports.connection_state();
  }

  // ---- API ----------------------------------------------------------------------------------

  /** Connect and stay connected. Resolves when connected; never gives up by itself. */
  connect(): Promise<{ reason: Reason }> {
    if (this.state === ConnectionState.Connected) {
      return Promise.resolve({ reason: Reason.None });
    }
    const connected = new Promise<{ reason: Reason }>((resolve) => this.once("connected", resolve));
    this.application?.start(clock());
    // An application may have asked already.
    const status = this.core.exports.connect(clock());
    if (status < 0 && status !== Status.InvalidState) throw new CoreError(status, "connect");
    this.pump();
    return connected;
  }

  /** Disconnect; with `goodbye` the server is told first. The session stays. */
  disconnect(options: { goodbye?: number; sleepSeconds?: number } = {}): Promise<void> {
    if (this.state === ConnectionState.Disconnected && !this.link) {
      // In the pause after a failed attempt the core still wants a connection; else it does not mind.
      this.core.exports.disconnect(0, 0, clock());
      this.pump();
      return Promise.resolve();
    }
    const done = new Promise<void>((resolve) => {
      const check = (change: { state: ConnectionState }): void => {
        if (change.state !== ConnectionState.Disconnected) return;
        this.off("connection", check);
        resolve();
      };
      this.on("connection", check);
    });
    this.core.disconnect(options.goodbye ?? 0, options.sleepSeconds ?? 0, clock());
    this.pump();
    return done;
  }

  /**
   * Publish an event. Resolves when it is acknowledged (or, not confirmable, sent); rejects with
   * CoreError when it is refused or given up. Nothing is ever cut.
   */
  publish(
    name: string,
    data: string | Uint8Array = "",
    options: PublishOptions = {},
  ): Promise<void> {
    try {
      return this.enqueue(name, data, options).done.then();
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * Publish an event and return what follows it: its state, and a promise of its end. Needs a module
   * with the publish queue for `state`; see docs/queue.md.
   * @throws CoreError when it is refused: TooLong, ReservedName, NoSpace, Offline, InvalidArgument
   */
  enqueue(name: string, data: string | Uint8Array = "", options: PublishOptions = {}): Publication {
    const handle = this.core.publish(name, data, options);
    const publication = new Publication(this.core, handle, name);
    this.publishes.set(handle, (status) => publication.end(status));
    this.pump();
    return publication;
  }

  /** Publishes that wait or are on their way, in a module with the publish queue. */
  get pending(): number {
    return this.core.exports.queue_pending!();
  }

  /** Wait until nothing is pending, at most `timeout` ms. @returns whether nothing is */
  flush(timeout: number): Promise<boolean> {
    const status = this.core.exports.queue_flush!(timeout, clock());
    if (status < 0) return Promise.reject(new CoreError(status, "flush"));
    const done = new Promise<boolean>((resolve) => this.flushes.push(resolve));
    this.pump();
    return done;
  }

  /**
   * Flush the queue, say goodbye and disconnect; "sleep" follows. The session stays: `connect` goes
   * on with it.
   * @param timeout ms that the queue may take
   */
  sleep(seconds: number, { goodbye = true, timeout = 30_000 } = {}): void {
    const status = this.core.exports.sleep!(seconds, goodbye ? 1 : 0, timeout, clock());
    if (status < 0) throw new CoreError(status, "sleep");
    this.pump();
  }

  /**
   * Offer a function to the cloud; it gets the argument and returns a 32-bit integer.
   * @throws Error, as `variable` and `subscribe` do, once an application module has begun
   */
  function(name: string, handler: FunctionHandler): void {
    this.application?.requireUnbegun();
    this.calls.functions.set(this.core.registerFunction(name, clock()), handler);
    this.pump();
  }

  /** Offer a variable to the cloud. */
  variable(name: string, type: VariableType, handler: VariableHandler): void {
    this.application?.requireUnbegun();
    this.calls.variables.set(this.core.registerVariable(name, type, clock()), handler);
    this.pump();
  }

  /**
   * Subscribe to events whose name begins with `prefix`. Handlers share the eight subscriptions of
   * the protocol where one prefix begins with another.
   * @returns a function that ends it, here: the cloud goes on sending
   */
  subscribe(prefix: string, handler: EventHandler, content = SubscriptionContent.Text): () => void {
    const open = (): number => {
      this.application?.requireUnbegun();
      return this.core.subscribe(prefix, content, clock());
    };
    const end = this.subscriptions.add(prefix, content, handler, open);
    this.pump();
    return end;
  }

  /** Ask the cloud for the time; "time" follows. */
  requestTime(): void {
    const status = this.core.exports.request_time();
    if (status < 0) throw new CoreError(status, "request time");
    this.pump();
  }

  /** Port of the socket now in use. */
  get localPort(): number | undefined {
    return this.link?.localPort;
  }

  /** Run what a CoapClient asks of the core, then send what came of it. */
  do<T>(work: (core: Core) => T): T {
    const result = work(this.core);
    this.pump();
    return result;
  }

  /** Go on from another local port, as after a change of the NAT's mapping; over TCP connect anew. */
  async rebind(): Promise<void> {
    if (this.options.transport === "tcp") {
      this.failLink();
      return;
    }
    const { host, port } = decodeAddress(this.link!.address)!;
    const link = await this.openSocket(host, port, "udp");
    this.link?.close();
    this.link = link;
  }

  /** Stop at once, as a power cut would: no goodbye, no last write. */
  stop(): void {
    this.stopped = true;
    this.calls.stop();
    clearTimeout(this.timer);
    clearInterval(this.loopTimer);
    this.internetTest?.close();
    this.link?.close();
    this.link = undefined;
    for (const settle of this.publishes.values()) settle(Status.Aborted);
    this.publishes.clear();
    for (const settle of this.flushes.splice(0)) settle(false);
  }

  // ---- pump ---------------------------------------------------------------------------------

  /**
   * Drain the core, let the application do one thing, drain again; then set the timer. A timer that is
   * due goes first, so that it is late by one call into the application at most.
   */
  private pump(): void {
    const { application } = this;
    if (this.pumping || this.stopped || application?.isRunning) return;
    this.pumping = true;
    try {
      this.drain();
      if (application && this.core.exports.poll_timeout(clock()) === 0) {
        this.core.exports.handle_timeout(clock());
        this.drain();
      }
      if (application?.turn(clock())) this.drain();
    } finally {
      // A listener of the program may throw: that is its own affair, the device goes on.
      this.pumping = false;
      this.schedule();
    }
  }

  /** Set the timer for what is due next. */
  private schedule(): void {
    const { application } = this;
    clearTimeout(this.timer);
    if (this.stopped) return;
    const now = clock();
    const waits = [this.core.exports.poll_timeout(now), application?.timeout(now) ?? -1];
    const wait = Math.min(...waits.map((ms) => (ms < 0 ? Infinity : ms)));
    if (wait === Infinity) return;
    this.timer = setTimeout(() => this.handleTimeout(), Math.min(wait, MAX_TIMER));
  }

  /** Datagrams, then events, until neither comes. */
  private drain(): void {
    let event: CoreEvent | undefined;
    do {
      let datagram: Uint8Array | undefined;
      while ((datagram = this.core.pollTransmit(clock()))) {
        this.emit("datagram", { direction: "up", bytes: datagram });
        this.link?.send(datagram);
      }
      event = this.core.pollEvent(clock());
      if (event && !this.application?.handleEvent(event)) this.handleEvent(event);
    } while (event && !this.stopped);
  }

  private handleTimeout(): void {
    this.core.exports.handle_timeout(clock());
    this.pump();
  }

  private handleDatagram(datagram: Uint8Array): void {
    this.emit("datagram", { direction: "down", bytes: datagram });
    this.core.handleDatagram(datagram, clock());
    this.pump();
  }

  /** The core takes one message at a time, so that what it causes is handled before the next. */
  private handleStream(bytes: Uint8Array): void {
    this.emit("datagram", { direction: "down", bytes });
    const { link } = this;
    for (let rest = bytes; rest.length > 0 && link && this.link === link;) {
      rest = rest.subarray(this.core.handleStream(rest, clock()));
      this.pump();
    }
  }

  private handleEvent(event: CoreEvent): void {
    switch (event.kind) {
      case EventKind.OpenLink:
        void this.openLink(event.address, event.transport);
        break;
      case EventKind.CloseLink:
        this.attempt += 1;
        this.link?.close();
        this.link = undefined;
        break;
      case EventKind.Connection:
        this.internetTest?.note(event.state, event.reason);
        this.emit("connection", event);
        if (event.state === ConnectionState.Connected) this.emit("connected", event);
        break;
      case EventKind.PublishDone:
        this.publishes.get(event.handle)?.(event.status);
        this.publishes.delete(event.handle);
        break;
      case EventKind.EventReceived: {
        const { subscription, name, data, contentFormat } = event;
        const isHandled = this.subscriptions.dispatch(subscription, name, data, contentFormat);
        if (!isHandled) this.emit("event", event);
        break;
      }
      case EventKind.FunctionCall:
        void this.calls.callFunction(event.number, event.call, event.argument);
        break;
      case EventKind.VariableRequest:
        void this.calls.readVariable(event.number, event.call, event.type);
        break;
      case EventKind.Time:
        this.emit("time", event);
        break;
      case EventKind.Signal:
        this.emit("signal", event);
        break;
      case EventKind.Response:
        this.emit("response", event);
        break;
      case EventKind.ServerMoved:
        this.emit("serverMoved", event);
        void this.followServer(event);
        break;
      case EventKind.Flushed:
        for (const settle of this.flushes.splice(0)) settle(event.pending === 0);
        break;
      case EventKind.BudgetWarning:
        this.emit("budget", event);
        break;
      case EventKind.Sleep:
        this.emit("sleep", event);
        break;
      case EventKind.ApplicationChange:
        this.emit("application", event);
        break;
      default:
        this.tellUpdate(event);
    }
  }

  private tellUpdate(event: CoreEvent): void {
    const step = updateStep(event);
    if (step) this.emit("update", step);
  }

  /** Go over to another server, whose key and address the present one has signed for. */
  private async followServer(to: {
    host: string;
    port: number;
    publicKey: Uint8Array;
  }): Promise<void> {
    await this.disconnect({ goodbye: GOODBYE_SERVER_MOVED });
    this.options.storage.write(StorageSlot.ServerPublicKey, to.publicKey);
    this.server = { host: to.host, port: to.port };
    await this.connect();
  }

  /** Open the socket that the core asked for, at the address of the session or by name. */
  private async openLink(address: Uint8Array, transport: Transport): Promise<void> {
    const attempt = ++this.attempt;
    const { host, port } = decodeAddress(address) ?? this.server;
    try {
      const link = await this.openSocket(host, port, transport);
      if (this.stopped || attempt !== this.attempt) {
        link.close();
        return;
      }
      this.link?.close();
      this.link = link;
      this.core.linkUp(link.address, clock());
    } catch {
      if (!this.stopped && attempt === this.attempt) this.core.exports.link_down(clock());
    }
    this.pump();
  }

  private openSocket(host: string, port: number, transport: Transport): Promise<Link | StreamLink> {
    if (transport === "tcp") {
      return StreamLink.open(host, port, {
        bytes: (bytes) => this.handleStream(bytes),
        failed: () => this.failLink(),
      });
    }
    return Link.open(host, port, {
      datagram: (datagram) => this.handleDatagram(datagram),
      failed: () => this.failLink(),
    });
  }

  private failLink(): void {
    this.link?.close();
    this.link = undefined;
    this.core.exports.link_down(clock());
    this.pump();
  }
}
