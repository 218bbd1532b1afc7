// One cloud process of a fleet. It tells the others of its devices, its events and its changes of shared tables, does for
// them what they ask of its devices, and has done by them what concerns theirs.

import { createHash, randomBytes } from "node:crypto";
import { CloudError, DeviceOffline, FunctionNotFound } from "../../errors";
import type { DeviceInfo, LocalCloud } from "../../local-cloud";
import type { VariableValue } from "../../device-protocol/variables";
import type { SharedStore } from "../../store/shared-store";
import type { CloudEvent } from "../event-bus";
import type { Reach } from "../reach";
import { BrokerError } from "./broker";
import type { Broker } from "./broker";
import { FleetBus } from "./fleet-bus";
import { FleetDevices } from "./fleet-devices";
import { isRemoteCall, toAnswer } from "./messages";
import type {
  FleetChange,
  FleetEvent,
  Presence,
  RemoteAnswer,
  RemoteCall,
  RemoteCallName,
  Sign,
} from "./messages";

/** ms between two signs of life. */
const SIGN_INTERVAL_MS = 2000;
/** ms that another process has for a call; its own timeout ends earlier. */
const CALL_TIMEOUT_MS = 40_000;

/** What other processes cause here. */
export interface FleetEffects {
  event(event: CloudEvent): void;
  /** A value of a shared table is another one now. @param key undefined: any */
  changed(table: string, key: string | undefined): void;
}

export class FleetMember implements Reach {
  readonly bus: FleetBus;
  private readonly id = randomBytes(8).toString("hex");
  private readonly elsewhere = new FleetDevices(() => performance.now());
  private readonly subject: (kind: string) => string;
  private effects: FleetEffects | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** @param serverKey SPKI of the key that all processes of the fleet show their devices */
  constructor(
    private readonly cloud: LocalCloud,
    private readonly store: SharedStore,
    private readonly broker: Broker,
    serverKey: Uint8Array,
  ) {
    // Fleets that share a broker must not hear each other.
    const fleet = createHash("sha256").update(serverKey).digest("hex").slice(0, 16);
    this.subject = (kind) => `wboson.${fleet}.${kind}`;
    this.bus = new FleetBus(broker, this.subject("event"), this.id);
  }

  /** Begin to listen and to tell. Returns once the broker knows. */
  async start(effects: FleetEffects): Promise<void> {
    this.effects = effects;
    this.store.onChange = (table, key) => this.tell("change", { table, key });
    this.cloud.on("device", this.onDevice);
    this.broker.serve(this.subject(`call.${this.id}`), (message) => this.serve(message));
    this.hear<FleetEvent>("event", ({ event }) => effects.event(event));
    this.hear<FleetChange>("change", ({ table, key }) => this.refresh(table, key));
    this.hear<Presence>("device", ({ member, info }) => this.notePresence(member, info));
    this.hear<Sign>("member", (sign) => this.noteSign(sign));
    await this.broker.flush();
    this.rejoin();
    this.timer = setInterval(() => {
      this.tell("member", { kind: "here" });
      this.elsewhere.forgetSilent();
    }, SIGN_INTERVAL_MS);
    this.timer.unref();
  }

  /** Messages may have been lost: look at everything again. */
  rejoin(): void {
    this.tell("member", { kind: "new" });
    this.tellDevices();
    for (const table of ["device-records", "devices", "webhooks"]) this.refresh(table, undefined);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.cloud.off("device", this.onDevice);
    this.store.onChange = () => undefined;
    this.tell("member", { kind: "gone" });
    await this.broker.close();
  }

  // ---- Reach ----

  get devices(): DeviceInfo[] {
    return this.cloud.devices.map((info) => this.everywhere(info));
  }

  device(deviceId: string): DeviceInfo {
    return this.everywhere(this.cloud.device(deviceId));
  }

  call(deviceId: string, name: string, argument = ""): Promise<number> {
    return this.do(deviceId, "call", [name, argument]) as Promise<number>;
  }

  read(deviceId: string, name: string): Promise<VariableValue> {
    return this.do(deviceId, "read", [name]) as Promise<VariableValue>;
  }

  ping(deviceId: string): Promise<number> {
    return this.do(deviceId, "ping", []) as Promise<number>;
  }

  signal(deviceId: string, on: boolean): Promise<void> {
    return this.do(deviceId, "signal", [on]) as Promise<void>;
  }

  async disconnect(deviceId: string): Promise<void> {
    await this.do(deviceId, "disconnect", []);
  }

  /** A device as the process sees it that has it; its name and key are in the common database. */
  private everywhere(here: DeviceInfo): DeviceInfo {
    const { name, fingerprint } = here;
    const remote = this.elsewhere.elsewhere(here);
    return remote ? { ...remote.info, name, fingerprint } : here;
  }

  /** @throws CloudError */
  private async do(deviceId: string, name: RemoteCallName, list: unknown[]): Promise<unknown> {
    const remote = this.elsewhere.elsewhere(this.cloud.device(deviceId));
    const call: RemoteCall = { name, deviceId, arguments: list };
    if (!remote?.info.connected) return perform(this.cloud, call);
    const subject = this.subject(`call.${remote.member}`);
    let answer: RemoteAnswer;
    try {
      answer = (await this.broker.request(subject, call, CALL_TIMEOUT_MS)) as RemoteAnswer;
    } catch (error) {
      // Its process is gone.
      if (error instanceof BrokerError) throw new DeviceOffline(deviceId);
      throw error;
    }
    if (answer.ok) return answer.value;
    if (answer.code === "function-not-found") throw new FunctionNotFound(String(list[0]));
    if (answer.code === "failed") throw new Error(answer.message);
    throw new CloudError(answer.code, answer.message);
  }

  // ---- Others ----

  private async serve(message: unknown): Promise<RemoteAnswer> {
    try {
      if (!isRemoteCall(message)) throw new CloudError("invalid-argument", "not a call");
      return { ok: true, value: await perform(this.cloud, message) };
    } catch (error) {
      return toAnswer(error);
    }
  }

  private readonly onDevice = ({ deviceId }: { deviceId: string }): void => {
    if (this.cloud.registry.find(deviceId)) {
      this.tell("device", { info: this.cloud.device(deviceId) });
    }
  };

  private tellDevices(): void {
    for (const info of this.cloud.devices) if (info.connected) this.tell("device", { info });
  }

  private notePresence(member: string, info: DeviceInfo): void {
    this.elsewhere.note(member, info);
    if (!info.online || !this.cloud.registry.find(info.id)) return;
    const here = this.cloud.device(info.id);
    // It has made a session there, and with that forgotten the one here.
    const isLater = (info.lastHeard ?? 0) > (here.lastHeard ?? 0);
    if (here.connected && isLater) this.cloud.disconnect(info.id);
  }

  private noteSign({ member, kind }: Sign): void {
    if (kind === "gone") return this.elsewhere.forget(member);
    this.elsewhere.hear(member);
    if (kind === "new") this.tellDevices();
  }

  private refresh(table: string, key: string | undefined): void {
    this.store.refresh();
    this.effects?.changed(table, key);
  }

  private tell(kind: string, content: object): void {
    this.broker.publish(this.subject(kind), { member: this.id, ...content });
  }

  /** Listen to what the others tell. */
  private hear<T extends { member: string }>(kind: string, listener: (message: T) => void): void {
    this.broker.subscribe(this.subject(kind), (message) => {
      if ((message as T).member !== this.id) listener(message as T);
    });
  }
}

/** Do a call with a device of this process. @throws CloudError */
async function perform(cloud: LocalCloud, call: RemoteCall): Promise<unknown> {
  const [first, second] = call.arguments;
  switch (call.name) {
    case "call":
      return cloud.call(call.deviceId, String(first), String(second));
    case "read":
      return cloud.read(call.deviceId, String(first));
    case "ping":
      return cloud.ping(call.deviceId);
    case "signal":
      return cloud.signal(call.deviceId, first === true);
    case "disconnect":
      return cloud.disconnect(call.deviceId);
  }
}
