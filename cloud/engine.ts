// The local development cloud as a sans-IO engine: datagrams and time come in, datagrams come out. It owns no socket
// and no timer; `udp-listener.ts` and simulated links drive it. Applications use `local-cloud.ts`.

import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { DeviceChange, LocalCloudEvents, MessageEvent } from "./cloud-events";
import type { LocalCloudOptions } from "./cloud-options";
import type { CoapMessage } from "./coap/codec";
import { CoapType } from "./coap/codec";
import { DEFAULT_TRANSMISSION_PARAMETERS, encodedLength } from "./coap/message-layer";
import { count } from "./counters";
import type { Counters } from "./counters";
import { OperationMeter } from "./operations";
import { describeDatagram, describeMessage } from "./datagram-event";
import { DeviceLink } from "./device-link";
import type { LinkHost, LinkSession } from "./device-link";
import { encodeEvent } from "./device-protocol/events";
import type { DeviceEvent } from "./device-protocol/events";
import { AlertDescription, AlertLevel } from "./dtls/protocol";
import { DtlsServer } from "./dtls/server";
import type { DtlsServerEvents } from "./dtls/server";
import type { SessionReset } from "./dtls/session-reset";
import { dtlsServerOptions, szxOf, tcpServerOptions } from "./engine-setup";
import { LinkStore } from "./link-store";
import { Registry, unregistered } from "./registry";
import { handleRequest } from "./request-handler";
import type { RequestEffects } from "./request-handler";
import { coapResources } from "./resources/built-in";
import type { Resources } from "./resources/resource";
import { MemoryStorage } from "./state-storage";
import { TcpServer } from "./tcp/server";
import type { StreamOutput, TcpServerEvents } from "./tcp/server";

/** The engine: everything but the calls that applications make. */
export class CloudEngine extends EventEmitter<LocalCloudEvents> {
  readonly registry: Registry;
  /** Everything that was dropped, by reason. */
  readonly counters: Counters = {};
  /** What each device has used, as a plan would count it. */
  readonly operations = new OperationMeter();
  private readonly dtls: DtlsServer;
  private readonly tcp: TcpServer | undefined;
  private readonly reset: SessionReset | undefined;
  protected readonly resources: Resources;
  protected readonly links = new Map<string, DeviceLink>();
  protected readonly store: LinkStore;
  private readonly output: { to: string; datagram: Buffer; message?: MessageEvent }[] = [];
  private readonly wallClock: () => number;
  private readonly random: (length: number) => Uint8Array;
  private readonly idleTimeoutMs: number;
  private readonly mayReceive: (senderId: string, receiverId: string) => boolean;
  private readonly host: LinkHost;
  private readonly effects: RequestEffects;
  protected now: number;
  private clock: (() => number) | undefined;
  /** Inside a handle call: its caller polls afterwards, and nothing may go out before the state is stored. */
  private handling = false;

  constructor(options: LocalCloudOptions) {
    super();
    this.registry = options.registry ?? new Registry();
    this.wallClock = options.wallClock ?? Date.now;
    this.random = options.random ?? randomBytes;
    this.now = options.now ?? 0;
    this.idleTimeoutMs = options.idleTimeoutMs ?? 50 * 60_000;
    this.mayReceive = options.mayReceive ?? (() => true);
    const log = (level: "info" | "warn", message: string): void => this.log(level, message);
    const storage = options.storage ?? new MemoryStorage();
    this.store = new LinkStore(storage, this.counters, () => this.now, log);
    const dtlsOptions = dtlsServerOptions(options, this.registry, log);
    this.reset = dtlsOptions.reset;
    this.dtls = new DtlsServer(dtlsOptions, this.dtlsEvents(), this.counters);
    const tcpOptions = tcpServerOptions(options, this.registry);
    this.tcp = tcpOptions && new TcpServer(tcpOptions, this.tcpEvents(), this.counters);
    this.resources = coapResources({
      wallClock: this.wallClock,
      notify: (path, { confirmable }) => this.notifyObservers(path, confirmable),
    });
    this.effects = this.requestEffects();
    this.host = {
      counters: this.counters,
      transmission: { ...DEFAULT_TRANSMISSION_PARAMETERS, ...options.transmission },
      random: this.random,
      now: () => this.now,
      endpoint: {
        resources: this.resources,
        maxSzx: szxOf(options.blockSize ?? 1024),
        run: (change) => this.run(() => change(this.now)),
        log,
      },
      send: (session, bytes) => this.sendOn(session, bytes),
      handleRequest: (link, request) => handleRequest(link, request, this.effects),
    };
    this.store.restore(
      (deviceId) => {
        const device = this.registry.find(deviceId);
        return device && new DeviceLink(device, this.host);
      },
      (link, session) => {
        if (session) this.dtls.restore(session);
        this.links.set(link.device.id, link);
      },
    );
  }

  // ---- Driving the engine ----

  /** Handle one datagram. Never throws, whatever it contains. @param from any string that names the sender */
  handleDatagram(from: string, datagram: Uint8Array, now: number): void {
    this.now = now;
    this.handle(() => {
      this.reportDatagram("in", from, datagram);
      this.dtls.handleDatagram(from, datagram, now);
    });
  }

  /** TCP connections are taken: there is an RSA key. */
  get takesConnections(): boolean {
    return this.tcp !== undefined;
  }

  /** A TCP peer connected. @param from any string that names it @returns false when it must be closed at once */
  handleConnection(from: string, now: number): boolean {
    this.now = now;
    let accepted = false;
    this.handle(() => (accepted = this.tcp?.handleConnection(from, now) ?? false));
    return accepted;
  }

  /** Handle bytes of a TCP connection, in whatever pieces they come. Never throws, whatever they contain. */
  handleStream(from: string, bytes: Uint8Array, now: number): void {
    this.now = now;
    this.handle(() => this.tcp?.handleBytes(from, bytes, now));
  }

  /** A TCP connection is over: its peer closed it, or it broke. */
  handleDisconnection(from: string, now: number): void {
    this.now = now;
    this.handle(() => this.tcp?.handleDisconnection(from));
  }

  /**
   * The next bytes to write to a TCP connection, or the next one to close, until undefined.
   * @param isBlocked connections that cannot take more now; what waits for them is kept, up to a limit
   */
  pollStream(isBlocked: (address: string) => boolean = () => false): StreamOutput | undefined {
    return this.tcp?.poll(isBlocked);
  }

  /** The next datagram to send, until undefined. */
  pollTransmit(): { to: string; datagram: Uint8Array } | undefined {
    const next = this.output.shift();
    if (next) this.reportDatagram("out", next.to, next.datagram);
    if (next?.message) this.emitSafely("message", next.message);
    return next;
  }

  /** Milliseconds until {@link handleTimeout} is due: 0 now, -1 never. */
  pollTimeout(now: number): number {
    this.now = now;
    let deadline = Math.min(this.dtls.nextDeadline(), this.tcp?.nextDeadline() ?? Infinity);
    for (const link of this.links.values()) {
      deadline = Math.min(deadline, link.nextDeadline());
      if (link.online) deadline = Math.min(deadline, link.heardAt + this.idleTimeoutMs);
    }
    return deadline === Infinity ? -1 : Math.max(0, Math.ceil(deadline - now));
  }

  /** Do what has become due. Calling it early is harmless. */
  handleTimeout(now: number): void {
    this.now = now;
    this.handle(() => {
      this.dtls.handleTimeout(now);
      this.tcp?.handleTimeout(now);
      for (const link of this.links.values()) {
        link.handleTimeout(now);
        if (link.online && now >= link.heardAt + this.idleTimeoutMs) {
          this.setOffline(link, "silent");
        }
      }
    });
  }

  /** Let calls of the API below read the time themselves, in place of the time of the last handle or poll call. */
  useClock(clock: () => number): void {
    this.clock = clock;
  }

  // ---- Inside ----

  /** Change the state once, then store what changed. */
  private handle(change: () => void): void {
    this.handling = true;
    try {
      change();
    } finally {
      this.store.saveTouched();
      this.handling = false;
    }
  }

  private dtlsEvents(): DtlsServerEvents {
    return {
      transmit: (to, datagram, carried) => {
        const message = carried && describeMessage("out", carried.session, carried.data);
        this.output.push({ to, datagram, message });
        this.wake();
      },
      reserve: (session) => this.store.save(this.linkOf(session.deviceId), true),
      applicationData: (session, data, moved) => this.handleMessage(session, data, moved),
      sessionConfirmed: (session) => this.handleConfirmed(session),
      sessionClosed: (session, reason) => this.handleClosed(session, reason),
      alert: (alert) => this.emitSafely("alert", alert),
      log: (level, message) => this.log(level, message),
    };
  }

  private tcpEvents(): TcpServerEvents {
    return {
      wake: () => this.wake(),
      sessionConfirmed: (session) => this.handleConfirmed(session),
      applicationData: (session, message) => this.handleMessage(session, message, false),
      sessionClosed: (session, reason) => this.handleClosed(session, reason),
      log: (level, message) => this.log(level, message),
    };
  }

  private handleConfirmed(session: LinkSession): void {
    const link = this.linkOf(session.deviceId);
    // It may have been registered anew, with another key, and may have had its session over the other transport.
    link.device = this.registry.find(session.deviceId) ?? link.device;
    if (link.session && link.session.transport !== session.transport) this.drop(link.session);
    link.attach(session);
    link.moves = 0;
    this.store.touch(link, true);
    this.reportChange(link, "session");
  }

  private handleClosed(session: LinkSession, reason: string): void {
    const link = this.linkOf(session.deviceId);
    if (link.session !== session) return;
    link.detach();
    this.store.touch(link, true);
    this.reportChange(link, "session-closed", reason);
    if (reason !== "replaced") this.setOffline(link, reason);
  }

  private requestEffects(): RequestEffects {
    return {
      counters: this.counters,
      wallClock: () => this.wallClock(),
      now: () => this.now,
      log: (level, message) => this.log(level, message),
      hello: (link, hello, payload) => {
        if (hello.deviceId !== link.device.id) {
          this.log("warn", `device ${link.device.id} says Hello as ${hello.deviceId}`);
          const { session } = link;
          const alert = { level: AlertLevel.Fatal, description: AlertDescription.AccessDenied };
          if (session) this.closeSession(link, session, alert);
          return false;
        }
        link.setHello(payload, hello);
        link.subscriptions.clear();
        this.setOnline(link);
        this.store.touch(link, true);
        this.reportChange(link, "hello");
        return true;
      },
      resetToken: ({ session }) =>
        session?.transport === "udp" ? this.reset?.token(session.connectionId) : undefined,
      event: (link, event, request) => this.handleEvent(link, event, request),
      described: (link) => {
        this.store.touch(link, true);
        this.reportChange(link, "describe");
      },
      subscribed: (link) => {
        this.store.touch(link, true);
        this.reportChange(link, "subscriptions");
      },
      goodbye: (link, goodbye) => {
        this.emitSafely("goodbye", { deviceId: link.device.id, ...goodbye });
        this.setOffline(link, "goodbye");
      },
    };
  }

  private handleMessage(session: LinkSession, data: Buffer, moved: boolean): void {
    const link = this.linkOf(session.deviceId);
    if (link.session !== session) return;
    this.emitSafely("message", describeMessage("in", session, data));
    link.lastHeard = this.wallClock();
    link.heardAt = this.now;
    if (session.restored && link.greeted) link.ready = true;
    if (moved) {
      link.moves++;
      this.reportChange(link, "moved", session.address);
    }
    // Without a device protocol there is no Hello to wait for.
    if (link.ready || !link.greeted) this.setOnline(link);
    this.store.touch(link, false);
    link.messages?.handleMessage(data, this.now);
    link.update?.begin(this.now);
  }

  private handleEvent(link: DeviceLink, event: DeviceEvent, request: CoapMessage): void {
    const token = request.token.toString("hex");
    this.operations.published(link.device.id, event.name, event.data, token);
    this.emitSafely("event", {
      deviceId: link.device.id,
      name: event.name,
      data: event.data,
      contentType: event.contentType,
      ttl: event.ttl,
      confirmable: request.type === CoapType.Confirmable,
      messageId: request.messageId,
      token,
    });
    this.deliver(event, true, (receiverId) => this.mayReceive(link.device.id, receiverId));
  }

  protected deliver(
    event: Pick<DeviceEvent, "name" | "data" | "contentType">,
    confirmable: boolean,
    isFor: (deviceId: string) => boolean,
  ): number {
    let receivers = 0;
    for (const link of this.links.values()) {
      if (!link.online || !link.ready || !link.messages) continue;
      if (!link.subscriptions.match(event.name, event.contentType)) continue;
      if (!isFor(link.device.id)) continue;
      const message = encodeEvent(event);
      if (encodedLength(message) > link.maxMessageLength) {
        count(this.counters, "oversized-message");
        this.log("warn", `event ${event.name} is too long for device ${link.device.id}`);
        continue;
      }
      receivers++;
      // Over TCP Device OS acknowledges no event, and none gets lost.
      if (!confirmable || link.session?.transport === "tcp") {
        link.messages.sendNonConfirmable(message);
        this.operations.delivered(link.device.id, event.name, event.data);
        continue;
      }
      link.messages.sendConfirmable(message, this.now, (delivery, answer) => {
        const report = { deviceId: link.device.id, name: event.name, delivery };
        this.emitSafely("delivery", { ...report, coapCode: answer?.code ?? 0 });
        if (delivery === "acknowledged") {
          this.operations.delivered(link.device.id, event.name, event.data);
        }
        if (delivery === "timeout") this.setOffline(link, "unreachable");
      });
    }
    return receivers;
  }

  private sendOn(session: LinkSession, bytes: Buffer): void {
    if (session.transport === "tcp") {
      this.emitSafely("message", describeMessage("out", session, bytes));
      return this.tcp?.send(session, bytes);
    }
    // A listener may have closed it meanwhile.
    if (!this.dtls.sessions.has(session)) return;
    try {
      this.dtls.send(session, bytes);
    } catch (error) {
      // Without a stored reservation nothing may go out; a retransmission tries again.
      count(this.counters, "storage-failure");
      this.log("warn", `nothing sent to device ${session.deviceId}: ${(error as Error).message}`);
    }
  }

  /** @param alert what the device is told; nothing when it has forgotten the session already */
  protected closeSession(
    link: DeviceLink,
    session: LinkSession,
    alert?: { level: AlertLevel; description: AlertDescription },
  ): void {
    this.drop(session, alert);
    link.detach();
    this.store.touch(link, true);
    this.reportChange(link, "session-closed", "local");
    this.setOffline(link, "session-closed");
  }

  private drop(session: LinkSession, alert?: Parameters<DtlsServer["close"]>[1]): void {
    if (session.transport === "tcp") return this.tcp?.closeSession(session);
    try {
      this.dtls.close(session, alert);
    } catch {
      count(this.counters, "storage-failure");
    }
  }

  /** The state of a resource changed: tell the clients that observe it. */
  protected notifyObservers(path: string, confirmable: boolean): void {
    this.run(() => {
      for (const link of this.links.values()) link.endpoint?.notify(path, confirmable, this.now);
    });
  }

  /** Change something from outside of a handle call, or inside of one. */
  protected run(change: () => void): void {
    if (this.handling) return change();
    this.now = this.currentTime();
    this.handle(change);
    this.wake();
  }

  protected currentTime(): number {
    return this.clock ? Math.max(this.now, this.clock()) : this.now;
  }

  protected linkOf(deviceId: string): DeviceLink {
    let link = this.links.get(deviceId);
    if (!link) {
      const device = this.registry.find(deviceId);
      link = new DeviceLink(device ?? unregistered(deviceId), this.host);
      this.links.set(deviceId, link);
    }
    return link;
  }

  private setOnline(link: DeviceLink): void {
    if (link.online) return;
    link.online = true;
    this.reportChange(link, "online");
  }

  private setOffline(link: DeviceLink, reason: string): void {
    if (!link.online) return;
    link.online = false;
    link.update?.handleAway();
    this.reportChange(link, "offline", reason);
  }

  private reportChange(link: DeviceLink, change: DeviceChange, reason?: string): void {
    this.emitSafely("device", { deviceId: link.device.id, change, reason });
  }

  private reportDatagram(direction: "in" | "out", address: string, datagram: Uint8Array): void {
    if (this.listenerCount("datagram") === 0) return;
    const { lengthOf } = this.dtls.connectionIds;
    this.emitSafely("datagram", describeDatagram(direction, address, datagram, lengthOf));
  }

  private log(level: "info" | "warn", message: string): void {
    this.emitSafely("log", { level, message });
  }

  /** Ask to be polled, unless that happens anyway. */
  protected wake(): void {
    if (!this.handling) this.emitSafely("wake");
  }

  /** Emit an event; what a listener throws is reported once the engine is done, and does not disturb it. */
  protected emitSafely<K extends keyof LocalCloudEvents>(
    name: K,
    ...values: LocalCloudEvents[K]
  ): void {
    try {
      (this as EventEmitter).emit(name, ...values);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
