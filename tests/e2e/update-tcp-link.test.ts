// Updates over real TCP on loopback: the cloud's chunked sender, fast, to a Node device with the real core.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Device, FileStorage, MemoryImages, loadModule } from "../../bindings/node";
import { LocalCloud, TcpListener, openCloudDirectory, provisionTcpDevice } from "../../cloud";
import { provisionUpdateKeys } from "../../cloud/provision";
import { encodePinnedKeys } from "../../tools/application/sign";
import { imageOfSize } from "../soak/updates";
import { TEST_UPDATE_KEY } from "../support/update-key";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-update-tcp-"));
const cloudDirectory = path.join(folder, "cloud");
const deviceDirectory = path.join(folder, "device");
const IMAGE = imageOfSize(50_000);

let cloud: LocalCloud;
let listener: TcpListener;
let device: Device;
let id: string;
const images = new MemoryImages();

beforeAll(async () => {
  ({ id } = await provisionTcpDevice({ cloudDirectory, deviceDirectory }));
  provisionUpdateKeys(deviceDirectory, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
  cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
  listener = await TcpListener.listen(cloud, { port: 0 });
  device = new Device({
    module: loadModule(path.resolve(__dirname, "../../build/boson-ota-tcp.wasm")),
    storage: new FileStorage(deviceDirectory),
    deviceId: id,
    transport: "tcp",
    server: { host: "localhost", port: listener.address.port },
    images,
    application: true,
  });
  device.function("double", (argument) => 2 * Number(argument));
  const described = new Promise<void>((resolve) => {
    cloud.on("device", ({ change }) => change === "describe" && resolve());
  });
  await device.connect();
  await described;
});

afterAll(async () => {
  device.stop();
  await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a forged file is refused, and the connection lives", async () => {
  const forged = Buffer.from(IMAGE);
  forged[45] ^= 1;
  await expect(cloud.flash(id, forged)).rejects.toMatchObject({
    ...{ code: "update-refused", reason: "bad-signature", deviceCode: -143 },
  });
  expect(await cloud.call(id, "double", "4")).toBe(8);
});

test("a file arrives while calls are answered", async () => {
  const session = cloud.device(id).session?.address;
  const flash = cloud.flash(id, IMAGE);
  expect(await cloud.call(id, "double", "21")).toBe(42);
  expect(await flash).toMatchObject({ size: IMAGE.length, repeats: 0, attempts: 1 });
  const held = [...images.areas.values()].map((area) =>
    Buffer.from(area).subarray(0, IMAGE.length),
  );
  expect(held.some((bytes) => bytes.equals(IMAGE))).toBe(true);
  expect(cloud.device(id).session?.address).toBe(session);
});
