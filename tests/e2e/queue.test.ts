// The Node device with the publish queue, against the local cloud over real UDP.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  BudgetPolicy,
  CoreError,
  Device,
  FileStorage,
  Status,
  readLedger,
  readUsage,
  setBudget,
} from "../../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { apiModule } from "../support/queue-world";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-queue-e2e-"));
const storage = path.join(folder, "device");
const { id } = provisionDevice({
  cloudDirectory: path.join(folder, "cloud"),
  deviceDirectory: storage,
});
const cloud = new LocalCloud(openCloudDirectory(path.join(folder, "cloud")));
const received: string[] = [];
cloud.on("event", ({ name, data }) => received.push(`${name} ${data.toString()}`));
let listener: UdpListener;
let device: Device;

function start(): Device {
  device = new Device({
    module: apiModule(),
    storage: new FileStorage(storage),
    deviceId: id,
    storedQueue: true,
    server: { host: "localhost", port: listener.address.port },
  });
  return device;
}

beforeAll(async () => {
  listener = await UdpListener.listen(cloud, { port: 0 });
});
afterAll(async () => {
  device.stop();
  await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

test("publications tell where they are, and how they end", async () => {
  start();
  const old = device.enqueue("n", "1", { coalesce: true });
  const publication = device.enqueue("n", "2", { coalesce: true, priority: "high" });
  expect(publication.state).toBe("queued");
  expect(device.pending).toBe(1);
  expect(old.state).toBe("failed");
  await expect(old.done).rejects.toMatchObject({ status: Status.Replaced });
  expect(old.reason).toBe(Status.Replaced);
  await device.connect();
  await publication.done;
  expect(publication.state).toBe("acknowledged");
  expect(publication.reason).toBeUndefined();
  expect(received).toEqual(["n 2"]);
  expect(() => device.enqueue("spark")).toThrow(CoreError);
  await expect(device.publish("n", "x".repeat(1025))).rejects.toMatchObject({
    status: Status.TooLong,
  });
});

test("flush waits for what is pending; usage, ledger, budget", async () => {
  received.length = 0;
  device.core.exports.queue_pacing!(1, 0);
  const warned = new Promise((resolve) => device.once("budget", resolve));
  setBudget(device.core, { operations: 10, policy: BudgetPolicy.Warn });
  for (let i = 0; i < 8; i++) device.enqueue("m", `${i}`);
  expect(await device.flush(10_000)).toBe(true);
  expect(device.pending).toBe(0);
  expect(received).toHaveLength(8);
  expect(await warned).toMatchObject({ percent: 70 });
  expect(readUsage(device.core)).toMatchObject({ publishes: 9, operations: 9 });
  const ledger = readLedger(device.core);
  expect(ledger.Publish.upDatagrams).toBeGreaterThanOrEqual(9);
  expect(ledger.Handshake.upBytes).toBeGreaterThan(400);
  expect(() => setBudget(device.core, { policy: 9 as BudgetPolicy })).toThrow(CoreError);
});

test("many handlers share few subscriptions; each can be ended", async () => {
  const seen: string[] = [];
  const note = (who: string) => (name: string) => void seen.push(`${who} ${name}`);
  const subscribed = new Promise<void>((resolve) =>
    cloud.on("device", ({ change }) => change === "subscriptions" && resolve()),
  );
  device.subscribe("s/", note("all"));
  const ends = Array.from({ length: 20 }, (_, i) => device.subscribe(`s/${i}`, note(`${i}`)));
  await subscribed;
  expect(cloud.device(id).subscriptions).toHaveLength(1);
  const publish = async (name: string): Promise<void> => {
    const delivered = new Promise((resolve) => cloud.once("delivery", resolve));
    cloud.publish(name);
    await delivered;
  };
  await publish("s/3");
  expect(seen.splice(0)).toEqual(["all s/3", "3 s/3"]);
  ends[1]();
  await publish("s/12");
  expect(seen).toEqual(["all s/12", "12 s/12"]);
}, 10_000);

test("sleep says goodbye; what is published meanwhile is kept for the next start", async () => {
  received.length = 0;
  const asleep = new Promise((resolve) => device.once("sleep", resolve));
  const goodbye = new Promise((resolve) => cloud.once("goodbye", resolve));
  device.sleep(600);
  expect(await goodbye).toMatchObject({ cloudReason: 6, sleepSeconds: 600 });
  expect(await asleep).toMatchObject({ seconds: 600, pending: 0 });
  device.enqueue("kept", "1");
  device.stop();
  start();
  expect(device.pending).toBe(1);
  expect(await device.flush(10)).toBe(false);
  await device.connect();
  expect(await device.flush(10_000)).toBe(true);
  expect(received).toEqual(["kept 1"]);
});
