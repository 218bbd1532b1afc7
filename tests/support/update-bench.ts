// A cloud and a device that takes updates, over real sockets: keys of updates are pinned, images are
// files, all in a folder that goes away.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { Device, FileImages, FileStorage, StorageSlot, loadModule } from "../../bindings/node";
import type { DeviceEvents, Transport, UpdateStep } from "../../bindings/node";
import {
  LocalCloud,
  TcpListener,
  UdpListener,
  openCloudDirectory,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud";
import { encodePinnedKeys } from "../../tools/application/sign";
import { projectRoot } from "./fixture";
import { TEST_UPDATE_KEY } from "./update-key";

const FILES = { udp: "build/boson-ota.wasm", tcp: "build/boson-ota-tcp.wasm" };
/** The time of this machine says nothing: it has other things to do. Steps are what bounds a call. */
const APPLICATION = { milliseconds: 10_000 };
/** Looks at what a device describes, 20 ms apart. */
const MOST_LOOKS = 1_000;

type Change = DeviceEvents["application"][0];

export class UpdateBench {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-update-"));
  readonly storage = new FileStorage(path.join(this.folder, "device"));
  readonly module: WebAssembly.Module;
  readonly steps: UpdateStep[] = [];
  id!: string;
  cloud!: LocalCloud;
  device!: Device;
  private listener!: UdpListener | TcpListener;

  constructor(readonly transport: Transport = "udp") {
    this.module = loadModule(path.join(projectRoot, FILES[transport]));
  }

  async start(): Promise<void> {
    const folders = {
      cloudDirectory: path.join(this.folder, "cloud"),
      deviceDirectory: this.storage.folder,
    };
    const isTcp = this.transport === "tcp";
    this.id = (isTcp ? await provisionTcpDevice(folders) : provisionDevice(folders)).id;
    this.storage.write(StorageSlot.UpdateKeys, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
    this.cloud = new LocalCloud(openCloudDirectory(folders.cloudDirectory));
    const Listener = isTcp ? TcpListener : UdpListener;
    this.listener = await Listener.listen(this.cloud, { port: 0 });
    await this.startDevice();
  }

  /** Start the device's process anew. */
  async startDevice(): Promise<void> {
    this.device?.stop();
    this.device = new Device({
      module: this.module,
      storage: this.storage,
      images: new FileImages(path.join(this.folder, "images"), { firmware: 65_536 }),
      application: APPLICATION,
      deviceId: this.id,
      transport: this.transport,
      server: { host: "localhost", port: this.listener.address.port },
    });
    this.device.on("update", (step) => this.steps.push(step));
    this.device.function("programs", (argument) => argument.length);
    await this.device.connect();
  }

  async stop(): Promise<void> {
    this.device.stop();
    await this.listener.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The next change of the application; before what causes it. */
  change(): Promise<Change> {
    return new Promise((resolve) => this.device.once("application", resolve));
  }

  /** The next event with a name that reaches the cloud. */
  event(name: string): Promise<string> {
    return new Promise((resolve) => {
      const take = (event: { name: string; data: Buffer }): void => {
        if (event.name !== name) return;
        this.cloud.off("event", take);
        resolve(event.data.toString());
      };
      this.cloud.on("event", take);
    });
  }

  /** Names of functions, once the device has told of `name`. */
  async functionsWith(name: string): Promise<string[]> {
    for (let i = 0; i < MOST_LOOKS; i++) {
      const { functions } = await this.cloud.describe(this.id, 2);
      if (functions.includes(name)) return functions;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no function ${name}`);
  }

  get sessionId(): string {
    return this.cloud["dtls"].sessions.current(this.id)!.connectionId.toString("hex");
  }
}
