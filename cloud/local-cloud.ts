// The local development cloud as applications and tests use it in process: devices, calls, variables, events.
// It is driven through the handle and poll methods of its base class, `engine.ts`.

import type { KeyObject } from "node:crypto";
import type { LocalCloudOptions } from "./cloud-options";
import { describeDevice } from "./device-info";
import type { DeviceInfo } from "./device-info";
import type { DeviceLink } from "./device-link";
import {
  DescribeType,
  decodeApplicationDescribe,
  decodeMetrics,
  decodeSystemDescribe,
} from "./device-protocol/describe";
import type { ApplicationDescribe, Metric, SystemDescribe } from "./device-protocol/describe";
import {
  ContentFormat,
  MAX_EVENT_DATA_LENGTH,
  MAX_EVENT_NAME_LENGTH,
} from "./device-protocol/events";
import type { ServerAddress } from "./device-protocol/server-moved";
import type { VariableValue } from "./device-protocol/variables";
import {
  callFunction,
  changeKeys,
  fetchDescribe,
  moveDevice,
  pingDevice,
  readVariable,
  signalDevice,
} from "./device-requests";
import type { RequestTiming } from "./device-requests";
import { AlertDescription, AlertLevel } from "./dtls/protocol";
import { CloudEngine } from "./engine";
import type { ResourceHandler } from "./resources/resource";
import { CloudError, DeviceOffline, UnknownDevice } from "./errors";
import type { FlashOptions, UpdateReport, UpdateResult } from "./updates/device-update";
import { checkFlash, flashDevice } from "./updates/flash";

export type * from "./cloud-events";
export type { LocalCloudOptions } from "./cloud-options";
export type { DeviceInfo, SessionInfo } from "./device-info";
export type { FlashOptions, UpdateReport, UpdateResult } from "./updates/device-update";

const CLOSE_NOTIFY = { level: AlertLevel.Warning, description: AlertDescription.CloseNotify };

export class LocalCloud extends CloudEngine {
  private readonly requestTimeoutMs: number;

  constructor(options: LocalCloudOptions) {
    super(options);
    this.requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
  }

  get devices(): DeviceInfo[] {
    return this.registry.devices.map((device) => describeDevice(device, this.links.get(device.id)));
  }

  /** @throws UnknownDevice */
  device(deviceId: string): DeviceInfo {
    const device = this.registry.find(deviceId);
    if (!device) throw new UnknownDevice(deviceId);
    return describeDevice(device, this.links.get(device.id));
  }

  /** Call a function of a device. @throws CloudError */
  async call(
    deviceId: string,
    name: string,
    argument = "",
    options: { timeoutMs?: number } = {},
  ): Promise<number> {
    const result = await this.start(deviceId, (link) =>
      callFunction(link, name, argument, this.timing(options.timeoutMs)),
    );
    this.operations.answered(deviceId, "functions");
    return result;
  }

  /** Read a variable of a device; its type is the one that the device described. @throws CloudError */
  async read(
    deviceId: string,
    name: string,
    options: { timeoutMs?: number } = {},
  ): Promise<VariableValue> {
    const value = await this.start(deviceId, (link) =>
      readVariable(link, name, this.timing(options.timeoutMs)),
    );
    this.operations.answered(deviceId, "variables");
    return value;
  }

  /** Ask a device to describe itself. @throws CloudError */
  async describe(deviceId: string, type: 1): Promise<SystemDescribe>;
  async describe(deviceId: string, type: 2): Promise<ApplicationDescribe>;
  async describe(deviceId: string, type: 4): Promise<Metric[]>;
  async describe(
    deviceId: string,
    type: 1 | 2 | 4,
  ): Promise<SystemDescribe | ApplicationDescribe | Metric[]> {
    const payload = await this.start(deviceId, (link) => fetchDescribe(link, type, this.timing()));
    if (type === DescribeType.System) return decodeSystemDescribe(payload);
    return type === DescribeType.Application
      ? decodeApplicationDescribe(payload)
      : decodeMetrics(payload);
  }

  /** Let a device flash its LED, or stop that. @throws CloudError */
  async signal(deviceId: string, on: boolean): Promise<void> {
    return this.start(deviceId, (link) => signalDevice(link, on, this.timing()));
  }

  /** Ping a device. @returns the round-trip time in ms of engine time. @throws CloudError */
  async ping(deviceId: string): Promise<number> {
    return this.start(deviceId, (link) => pingDevice(link, this.timing()), { greeted: false });
  }

  /**
   * Let a device forget its session and do a full handshake. The session is closed here once the device acknowledged;
   * without an acknowledgement it is closed after the timeout, by a close_notify, to the same effect.
   * @throws CloudError "rejected" when the device refuses: the session then stays
   */
  async rekey(deviceId: string, options: { timeoutMs?: number } = {}): Promise<void> {
    const link = this.requireLink(deviceId);
    const { session } = link;
    const heard = await this.start(deviceId, () =>
      changeKeys(link, this.timing(options.timeoutMs)),
    );
    if (!session || link.session !== session) return;
    this.closeSession(link, session, heard ? undefined : CLOSE_NOTIFY);
    this.store.saveTouched();
    this.wake();
  }

  /**
   * Send a device to another server for good. It confirms, says goodbye, and connects there.
   * @param server.signingKey P-256 private key; the firmware of the device holds its public key
   * @throws CloudError "rejected" with the code of the device when it refuses
   */
  async moveServer(
    deviceId: string,
    server: ServerAddress & { signingKey: KeyObject },
    options: { timeoutMs?: number } = {},
  ): Promise<void> {
    const timing = this.timing(options.timeoutMs);
    return this.start(deviceId, (link) => moveDevice(link, server, server.signingKey, timing));
  }

  /**
   * Publish an event to all devices that are online and subscribe to it, or to one of them.
   * @param options.isFor leaves out the devices for which it is false
   * @returns how many devices it is sent to; a 'delivery' event tells what became of each
   * @throws CloudError "invalid-argument", UnknownDevice
   */
  publish(
    name: string,
    data: string | Uint8Array = "",
    options: {
      contentType?: number;
      deviceId?: string;
      confirmable?: boolean;
      isFor?: (deviceId: string) => boolean;
    } = {},
  ): number {
    const bytes = Buffer.from(typeof data === "string" ? Buffer.from(data) : data);
    const nameLength = Buffer.byteLength(name);
    if (nameLength === 0 || nameLength > MAX_EVENT_NAME_LENGTH) {
      throw new CloudError("invalid-argument", "event name is not 1 to 64 bytes long");
    }
    if (bytes.length > MAX_EVENT_DATA_LENGTH) {
      throw new CloudError("invalid-argument", "event data above 1024 bytes");
    }
    if (options.deviceId !== undefined) this.device(options.deviceId);
    this.now = this.currentTime();
    const contentType = options.contentType ?? ContentFormat.Text;
    const event = { name, data: bytes, contentType };
    const only = options.deviceId?.toLowerCase();
    const isFor = (id: string): boolean => (only ?? id) === id && (options.isFor?.(id) ?? true);
    const receivers = this.deliver(event, options.confirmable ?? true, isFor);
    this.wake();
    return receivers;
  }

  /**
   * Send a device a file: an application, its firmware, or a signed command. It goes on when the device sleeps, loses its
   * session or its power in between; 'update' events tell how far it is.
   * @returns once the device has checked and accepted the file
   * @throws CloudError "device-offline", "update-under-way", "invalid-argument"; UpdateFailed with the device's reason
   */
  async flash(
    deviceId: string,
    file: Uint8Array,
    options: FlashOptions = {},
  ): Promise<UpdateResult> {
    return flashDevice(this.requireLink(deviceId), file, options, {
      now: () => this.now,
      report: (report) => this.emitSafely("update", report),
      run: (change) => this.run(() => change(this.now)),
    });
  }

  /** @throws CloudError what {@link flash} rejects with before anything has happened */
  checkFlash(deviceId: string, file: Uint8Array, options: FlashOptions = {}): void {
    checkFlash(this.requireLink(deviceId), file, options);
  }

  /** The last system description of a device, undecoded; undefined before the first. @throws UnknownDevice */
  systemDescribeOf(deviceId: string): Buffer | undefined {
    return this.requireLink(deviceId).getDescribe(DescribeType.System);
  }

  /** Where the update of a device stands, or how the last one ended; undefined: there was none. @throws UnknownDevice */
  updateOf(deviceId: string): UpdateReport | undefined {
    return this.requireLink(deviceId).update?.report;
  }

  /** Close the session of a device with a close_notify: it comes back with a full handshake. @throws CloudError */
  disconnect(deviceId: string): void {
    const link = this.requireLink(deviceId);
    const session = link.session;
    if (!session) throw new DeviceOffline(deviceId);
    this.closeSession(link, session, CLOSE_NOTIFY);
    this.store.saveTouched();
    this.wake();
  }

  /**
   * Answer plain CoAP requests of the standard profile to a path, in place of what answered them before.
   * @param path "/" and segments, compared as a whole
   * @param options.observable GET may ask for notifications, which {@link notify} sends
   */
  onRequest(path: string, handler: ResourceHandler, options: { observable?: boolean } = {}): void {
    if (!path.startsWith("/")) throw new CloudError("invalid-argument", `path "${path}"`);
    this.resources.set(path, { handler, observable: options.observable ?? false });
  }

  /** Tell all clients that observe a resource its new state, which its handler is asked for. */
  notify(path: string, options: { confirmable?: boolean } = {}): void {
    this.notifyObservers(path, options.confirmable ?? false);
  }

  /** @param needs.greeted the device must speak the device protocol in its session */
  private async start<T>(
    deviceId: string,
    begin: (link: DeviceLink) => Promise<T>,
    needs = { greeted: true },
  ): Promise<T> {
    const link = this.requireLink(deviceId);
    if (!link.online || (needs.greeted && !link.ready)) throw new DeviceOffline(deviceId);
    this.now = this.currentTime();
    const result = begin(link);
    this.wake();
    try {
      return await result;
    } finally {
      this.wake();
    }
  }

  private timing(timeoutMs = this.requestTimeoutMs): RequestTiming {
    return { now: () => this.currentTime(), timeoutMs };
  }

  private requireLink(deviceId: string): DeviceLink {
    const device = this.registry.find(deviceId);
    if (!device) throw new UnknownDevice(deviceId);
    return this.linkOf(device.id);
  }
}
