// RAM of an emulated board that takes updates and runs an application beside the core: flashed over real
// UDP by the local cloud. Bytes vary by a few with the length of signatures.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { StorageSlot } from "../../bindings/node";
import { buildApplicationModule } from "../../tools/application/build";
import { encodePinnedKeys, signApplication } from "../../tools/application/sign";
import { projectRoot } from "../support/fixture";
import { type Image, buildImage } from "../support/mcu-build";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { EmulatedBoard } from "./emulator";

const CORE = path.join(projectRoot, "build/boson-ota.wasm");
const PATIENCE = 60_000;
/** Linear memory of the application, as tests/mcu/device gives it. */
const MEMORY = 8192;

/** Bytes of static data, heap and stack, each at its highest. */
export interface Ram {
  static: number;
  heapPeak: number;
  stackPeak: number;
}

export interface UpdateFigures {
  sizes: Image["sizes"];
  /** Bytes of the application's file. */
  file: number;
  /** A full handshake, without an application; its memory is given all the same. */
  connect: Ram;
  /** From there on: an update comes, is verified, and runs. */
  update: Ram;
  /** From a reset on: resumed, with the application. */
  steady: Ram;
}

export function ramOf({ static: data, heapPeak, stackPeak }: Ram): number {
  return data + heapPeak + stackPeak;
}

/** The sensor of the examples. */
async function application(): Promise<Buffer> {
  const entry = path.join(projectRoot, "examples/sensor/main.ts");
  const cache = path.join(projectRoot, "build/module-sensor");
  const { module } = await buildApplicationModule(entry, { memory: MEMORY, cache });
  return signApplication(module, TEST_UPDATE_KEY, { version: 1, memoryKiB: MEMORY / 1024 });
}

function eventOf(cloud: LocalCloud, wanted: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no event ${wanted}`)), PATIENCE);
    cloud.on("event", ({ name }) => {
      if (name !== wanted) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What the program itself has as static data, without the test's UART and storage. */
async function ramSince(board: EmulatedBoard, { sizes }: Image): Promise<Ram> {
  const { own, heapPeak, stack } = await board.memory();
  const { wasm3, glue, libraries } = sizes;
  return {
    static: own + wasm3.ram + glue.ram + libraries.ram,
    heapPeak,
    stackPeak: stack,
  };
}

/** Measure a board. @throws Error when anything of it does not happen */
export async function measureUpdates(name: string): Promise<UpdateFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-update-figures-"));
  const place = { cloudDirectory: path.join(folder, "cloud"), deviceDirectory: folder };
  const deviceId = provisionDevice(place).id;
  const cloud = new LocalCloud(openCloudDirectory(place.cloudDirectory));
  const listener = await UdpListener.listen(cloud, { port: 0 });
  const image = await buildImage(name, "device", { module: CORE });
  const slots = {
    [StorageSlot.DevicePrivateKey]: readFileSync(path.join(folder, "device-key.der")),
    [StorageSlot.ServerPublicKey]: readFileSync(path.join(folder, "server-public-key.der")),
    [StorageSlot.UpdateKeys]: encodePinnedKeys([TEST_UPDATE_KEY.publicKey]),
  };
  const server = { host: "localhost", port: listener.address.port };
  const board = new EmulatedBoard({ board: name, image: image.file, deviceId, slots, server });
  try {
    const described = new Promise<void>((resolve) =>
      cloud.on("device", ({ change }) => change === "describe" && resolve()),
    );
    await board.start();
    await described;
    const connect = await ramSince(board, image);
    const file = await application();
    const first = eventOf(cloud, "temp");
    await cloud.flash(deviceId, file);
    await first;
    const update = await ramSince(board, image);
    const again = eventOf(cloud, "temp");
    board.reset();
    await again;
    await cloud.call(deviceId, "double", "4");
    await cloud.read(deviceId, "reading");
    const steady = await ramSince(board, image);
    return { sizes: image.sizes, file: file.length, connect, update, steady };
  } finally {
    await board.stop();
    await listener.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
