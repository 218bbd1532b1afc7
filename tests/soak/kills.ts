// Kills a cloud process at random moments under load, starts it again, and looks for what must not be lost: events that
// were acknowledged to a device, changes that were answered to a client, sessions of devices; and for record numbers
// that came twice.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Particle from "particle-api-js";
import { Device, FileStorage, Reason, loadModule } from "../../bindings/node";
import { provisionDevice } from "../../cloud/provision";
import { CloudProcess } from "../support/cloud-process";
import { projectRoot } from "../support/fixture";
import { SeededRandom } from "../support/random";
import { recordsOf } from "../support/wire";

const DEVICES = 3;
/** Events in the log, less those that may not have been printed. */
const LOG_LENGTH = 950;
/** ms of load before a kill. */
const LOAD_MS = { min: 20, max: 700 };

export interface KillReport {
  kills: number;
  acknowledgedEvents: number;
  acknowledgedChanges: number;
  /** Handshakes of all devices; one each is the first. */
  handshakes: number;
  resumptions: number;
  records: number;
  /** What must not happen. */
  problems: string[];
}

class KillCampaign {
  private readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-kills-"));
  private readonly core = loadModule(path.join(projectRoot, "build/boson.wasm"));
  private readonly devices: Device[] = [];
  private readonly ids: string[] = [];
  private readonly cloud = new CloudProcess(path.join(this.folder, "cloud"));
  private client!: Particle;
  private stopped = false;
  private readonly work: Promise<void>[] = [];
  /** Names of events that the cloud has acknowledged. */
  private readonly acknowledged = new Set<string>();
  /** Events that the cloud has printed, which it does once they are stored; with their number among all of them. */
  private readonly printed = new Map<string, number>();
  private printedCount = 0;
  /** What the API has confirmed last: device id to its notes, webhooks by their ids. */
  private readonly notes = new Map<string, number>();
  private readonly webhooks = new Set<string>();
  private readonly recordNumbers = new Map<string, string>();
  private nextEvent = 0;
  private readonly random: SeededRandom;
  private readonly report: KillReport = {
    ...{ kills: 0, acknowledgedEvents: 0, acknowledgedChanges: 0, handshakes: 0 },
    ...{ resumptions: 0, records: 0, problems: [] },
  };

  constructor(
    private readonly count: number,
    seed: number,
  ) {
    this.random = new SeededRandom(seed);
    this.cloud.onLine = (line) => {
      const name = /^event (\S+) of|^device \S+: (?:online|offline)/.exec(line);
      if (name) this.printed.set(name[1] ?? "", ++this.printedCount);
    };
  }

  async run(): Promise<KillReport> {
    try {
      this.provision();
      await this.start();
      this.client = await this.cloud.login();
      await Promise.all(this.devices.map((device) => device.connect()));
      for (const device of this.devices) this.work.push(this.publish(device));
      this.work.push(this.change());
      for (let kill = 0; kill < this.count; kill++) {
        await sleep(LOAD_MS.min + this.random.unit() * (LOAD_MS.max - LOAD_MS.min));
        await this.cloud.kill();
        this.report.kills++;
        await this.start();
        await this.check();
      }
      await this.callAll();
      return this.report;
    } finally {
      await this.end();
    }
  }

  private provision(): void {
    for (let i = 0; i < DEVICES; i++) {
      const deviceDirectory = path.join(this.folder, `device-${i}`);
      const cloudDirectory = this.cloud.data;
      this.ids.push(provisionDevice({ cloudDirectory, deviceDirectory, name: `d${i}` }).id);
    }
  }

  /** Start the cloud, on the same ports each time. */
  private async start(): Promise<void> {
    const devices = await this.cloud.start();
    if (devices !== DEVICES) this.problem(`${devices} devices after a start`);
    if (this.devices.length === 0) this.makeDevices();
  }

  private makeDevices(): void {
    this.ids.forEach((deviceId, i) => {
      const storage = new FileStorage(path.join(this.folder, `device-${i}`));
      const server = { host: "127.0.0.1", port: this.cloud.udpPort };
      const device = new Device({ module: this.core, storage, deviceId, server });
      device.function("echo", (argument) => Number(argument));
      device.on("connected", ({ reason }) => {
        if (reason === Reason.SessionResumed) this.report.resumptions++;
        else this.report.handshakes++;
      });
      device.on("datagram", ({ direction, bytes }) => {
        if (direction === "down") this.watch(deviceId, bytes);
      });
      this.devices.push(device);
    });
  }

  /** The same record number never carries two things: that would be one nonce for two texts. */
  private watch(deviceId: string, bytes: Uint8Array): void {
    for (const { epoch, sequenceNumber, fragment } of recordsOf({ direction: "down", bytes })) {
      if (epoch === 0) continue;
      this.report.records++;
      const name = `${deviceId} ${this.report.handshakes <= DEVICES} ${sequenceNumber}`;
      const content = fragment.toString("hex");
      const before = this.recordNumbers.get(name);
      if (before !== undefined && before !== content) {
        this.problem(`record number ${sequenceNumber} came twice to ${deviceId}`);
      }
      this.recordNumbers.set(name, content);
    }
  }

  /** A device that publishes, one event after the other. */
  private async publish(device: Device): Promise<void> {
    while (!this.stopped) {
      const name = `load/${this.nextEvent++}`;
      try {
        await device.publish(name, "x");
        this.acknowledged.add(name);
        this.report.acknowledgedEvents++;
      } catch {
        // Given up, or the outbox is full: nobody has promised anything.
        await sleep(20);
      }
      await sleep(5);
    }
  }

  /** A client that changes things. */
  private async change(): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      try {
        const deviceId = this.ids[i % DEVICES];
        await this.client.setDeviceNotes({ deviceId, notes: String(i) });
        this.notes.set(deviceId, i);
        await this.changeWebhooks();
        this.report.acknowledgedChanges += 2;
      } catch {
        // It is down.
      }
      await sleep(20);
    }
  }

  private async changeWebhooks(): Promise<void> {
    const [first, ...others] = this.webhooks;
    if (first !== undefined && others.length > 3) {
      // Between request and answer it may be there or not.
      this.webhooks.delete(first);
      await this.client.deleteWebhook({ hookId: first });
      return;
    }
    const hook = { event: "never", url: "http://127.0.0.1:1/" };
    try {
      const { body } = await this.client.createWebhook(hook);
      this.webhooks.add(body.id);
    } catch {
      // It may have been made all the same; too many of these would be refused.
      const { body: hooks } = await this.client.listWebhooks({});
      const strays = hooks.filter(({ id }) => !this.webhooks.has(id));
      for (const { id } of strays) await this.client.deleteWebhook({ hookId: id });
    }
  }

  /** What was promised before must be there. */
  private async check(): Promise<void> {
    const events = [...this.acknowledged];
    const notes = new Map(this.notes);
    const webhooks = [...this.webhooks];
    const uri = "/v1/local/events?limit=1000&prefix=load/";
    const { body: kept } = await this.client.get({ uri, auth: this.client.auth });
    const names = new Set((kept as { name: string }[]).map(({ name }) => name));
    for (const name of events.filter((event) => !names.has(event))) {
      const age = this.printedCount - (this.printed.get(name) ?? this.printedCount);
      // The log keeps the last thousand of all events, and some are stored long before a device has its acknowledgement.
      if (age < LOG_LENGTH) this.problem(`event ${name} was acknowledged and is gone`);
    }
    const { body: hooks } = await this.client.listWebhooks({});
    const ids = hooks.map(({ id }) => id);
    for (const id of webhooks) {
      if (!ids.includes(id) && this.webhooks.has(id)) this.problem(`webhook ${id} is gone`);
    }
    for (const [deviceId, note] of notes) {
      const { body } = await this.client.getDevice({ deviceId });
      if (Number(body.notes) < note) this.problem(`notes of ${deviceId} are older than confirmed`);
    }
  }

  /** In the end each device is reached, without another handshake. */
  private async callAll(): Promise<void> {
    for (const deviceId of this.ids) {
      // It counts as online once it is heard: when it repeats what nobody acknowledged.
      for (let i = 0; i < 120; i++) {
        if ((await this.client.getDevice({ deviceId })).body.connected) break;
        await sleep(500);
      }
      const { body } = await this.client.callFunction({ deviceId, name: "echo", argument: "7" });
      if (body.return_value !== 7) this.problem(`${deviceId} answers ${body.return_value}`);
    }
    if (this.report.handshakes !== DEVICES) {
      this.problem(`${this.report.handshakes} handshakes of ${DEVICES} devices`);
    }
  }

  private problem(text: string): void {
    this.report.problems.push(`kill ${this.report.kills}: ${text}`);
  }

  private async end(): Promise<void> {
    this.stopped = true;
    for (const device of this.devices) device.stop();
    if (this.cloud.pid !== undefined) await this.cloud.kill();
    await Promise.allSettled(this.work);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Kill a cloud so many times. */
export function killCloud(count: number, seed: number): Promise<KillReport> {
  return new KillCampaign(count, seed).run();
}
