// The part of the tour about updates over the air: a device with a resident core takes an application,
// signed with a key that is made for it, and refuses one that is signed with another.

import path from "node:path";

import {
  ConnectionState,
  Device,
  FileStorage,
  MemoryImages,
  loadModule,
} from "../../bindings/node";
import { StorageSlot } from "../../bindings/node";
import type { LocalCloud } from "../../cloud";
import { buildApplicationModule } from "../application/build";
import { encodePinnedKeys, makeUpdateKey, signApplication } from "../application/sign";

const CORE = path.resolve(__dirname, "../../build/boson-ota.wasm");
const SOURCE = path.resolve(__dirname, "../../examples/sensor/main.ts");
const CACHE = path.resolve(__dirname, "../../build/tour");

/** What the two steps need of the tour. */
export interface UpdateTour {
  cloud: LocalCloud;
  /** Storage folder of a provisioned device. */
  folder: string;
  deviceId: string;
  port: number;
  watch(device: Device): void;
  step(text: string, work: () => Promise<string>): Promise<void>;
  nextEvent(name: string): Promise<string>;
  nextState(device: Device, state: ConnectionState): Promise<unknown>;
}

/** Run the steps. @returns the device, which goes on */
export async function tourUpdates(tour: UpdateTour): Promise<Device> {
  const { cloud, deviceId, step } = tour;
  const key = makeUpdateKey();
  const storage = new FileStorage(tour.folder);
  storage.write(StorageSlot.UpdateKeys, encodePinnedKeys([key.publicKey]));
  const { module } = await buildApplicationModule(SOURCE, { cache: CACHE });
  const device = new Device({
    module: loadModule(CORE),
    storage,
    deviceId,
    images: new MemoryImages(),
    application: true,
    server: { host: "127.0.0.1", port: tour.port },
  });
  tour.watch(device);
  await step("A second device connects: a resident core, no application yet", async () => {
    const connected = tour.nextState(device, ConnectionState.Connected);
    void device.connect();
    await connected;
    return "connected";
  });
  await step("Its application comes over the air, signed", async () => {
    const event = tour.nextEvent("temp");
    const image = signApplication(module, key, { version: 1 });
    await cloud.flash(deviceId, image);
    return `${image.length} bytes, verified, running without a reset: event ${await event}`;
  });
  await step("One that another key has signed is refused", async () => {
    device.updates.confirm();
    const stranger = signApplication(module, makeUpdateKey(), { version: 2 });
    const outcome = await cloud.flash(deviceId, stranger).then(
      () => "it was taken",
      (error: Error) => error.message,
    );
    if (!outcome.includes("signature")) throw new Error(outcome);
    if (device.updates.summary.version !== 1) throw new Error("the application has changed");
    return outcome;
  });
  return device;
}
