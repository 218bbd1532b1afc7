// Updates by the API: a scripted device on a socket takes them.

import path from "node:path";
import type { UpdateReport } from "../../cloud";
import { FlashDevice } from "../support/flash-device";
import { fileOf } from "../support/flash-world";
import { RestFixture, USERNAME } from "../support/rest-fixture";
import type { ReceiverFaults } from "../support/update-receiver";

const fixture = new RestFixture({ limits: { uploadLength: 100_000 } });
const devices: FlashDevice[] = [];
let token: string;
let count = 0;

beforeAll(async () => {
  await fixture.start();
  token = fixture.token();
});
afterEach(() => devices.splice(0).forEach((device) => device.close()));
afterAll(() => fixture.stop());

async function connected(
  faults: ReceiverFaults = {},
): Promise<{ id: string; device: FlashDevice }> {
  const name = `device-${++count}`;
  const id = fixture.provision(name, USERNAME);
  const device = new FlashDevice(fixture.devicePort, path.join(fixture.folder, name), faults);
  devices.push(device);
  const online = changed(id, "online");
  await device.connect();
  await online;
  return { id, device };
}

function changed(id: string, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const listen = ({ deviceId, change }: { deviceId: string; change: string }): void => {
      if (deviceId !== id || change !== wanted) return;
      fixture.cloud.off("device", listen);
      resolve();
    };
    fixture.cloud.on("device", listen);
  });
}

/** Once an update has come so far. */
function reached(id: string, enough: (report: UpdateReport) => boolean): Promise<UpdateReport> {
  return new Promise((resolve) => {
    const listen = (report: UpdateReport): void => {
      if (report.deviceId !== id || !enough(report)) return;
      fixture.cloud.off("update", listen);
      setImmediate(() => resolve(report));
    };
    fixture.cloud.on("update", listen);
  });
}
const ended = ({ state }: UpdateReport): boolean => state === "done" || state === "failed";

function put(id: string, file: Buffer, name = "app.wasm"): ReturnType<RestFixture["request"]> {
  const body = new FormData();
  body.set("file", new Blob([Uint8Array.from(file)]), name);
  return fixture.request("PUT", `/v1/devices/${id}`, { token, body });
}

async function viewOf(id: string): Promise<Record<string, unknown>> {
  const { body } = await fixture.request("GET", `/v1/local/devices/${id}/update`, { token });
  return body;
}

/** Data of the flash status events of a device, once there are so many. */
async function statuses(id: string, wanted: number): Promise<unknown[]> {
  const url = "/v1/local/events?prefix=spark/flash/status";
  for (;;) {
    const { body } = await fixture.request("GET", url, { token });
    const events = (body as unknown as { coreid: string; data: string }[]).filter(
      ({ coreid }) => coreid === id,
    );
    if (events.length >= wanted) return events.map(({ data }) => data);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("PUT of a file updates the device; the events say so, also if the device is silent", async () => {
  const { id, device } = await connected();
  expect(await viewOf(id)).toMatchObject({ state: "none", started_at: null });
  const file = fileOf(20_000);
  const end = reached(id, ended);
  expect(await put(id, file)).toEqual({
    status: 200,
    body: { ok: true, id, status: "Update started" },
  });
  expect(await end).toMatchObject({ state: "done" });
  expect(device.receiver.accepted?.equals(file)).toBe(true);
  expect(await viewOf(id)).toMatchObject({
    ...{ id, state: "done", sent: 20_000, size: 20_000, reason: null },
    ended_at: expect.any(String),
  });
  expect(await statuses(id, 2)).toEqual(["started", "success"]);
});

test("a device that says itself how it goes is not repeated", async () => {
  const { id, device } = await connected();
  const end = reached(id, ended);
  await put(id, fileOf(600));
  device.publish("spark/flash/status", "started ");
  await end;
  device.publish("spark/flash/status", "success");
  expect(await statuses(id, 2)).toEqual(["started ", "success"]);
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect(await statuses(id, 2)).toHaveLength(2);
});

test("a refusal: the device's reason is there", async () => {
  const { id } = await connected({ refuseFinish: { code: -144, message: "wrong board" } });
  const end = reached(id, ended);
  await put(id, fileOf(600));
  await end;
  expect(await viewOf(id)).toMatchObject({
    ...{ state: "failed", reason: "wrong-board", code: -144 },
    message: expect.stringContaining("wrong board"),
  });
  expect(await statuses(id, 2)).toEqual(["started", "failed"]);
});

test("one at a time: 409; and it can be cancelled", async () => {
  const { id, device } = await connected({ startDelayMs: 600_000 });
  const started = reached(id, ({ state }) => state === "started");
  await put(id, fileOf(600));
  await started;
  expect(await put(id, fileOf(700))).toMatchObject({
    status: 409,
    body: { ok: false, reason: "update-under-way" },
  });
  expect(await viewOf(id)).toMatchObject({ state: "started", size: 600, ended_at: null });
  const end = reached(id, ended);
  const url = `/v1/local/devices/${id}/update`;
  expect(await fixture.request("DELETE", url, { token })).toMatchObject({ status: 200 });
  await end;
  expect(await viewOf(id)).toMatchObject({ state: "failed", reason: "update-cancelled" });
  expect(await fixture.request("DELETE", url, { token })).toMatchObject({ status: 409 });
  expect(device.receiver.accepted).toBeUndefined();
});

test("what cannot be begun", async () => {
  const { id } = await connected();
  expect(await put(id, Buffer.alloc(0))).toMatchObject({ status: 400 });
  expect(await put(id, fileOf(100_001))).toMatchObject({ status: 413 });
  expect(await put(id, fileOf(10), "app.ino")).toMatchObject({
    status: 501,
    body: { reason: "compiler-not-supported" },
  });
  const away = fixture.provision("away", USERNAME);
  expect(await put(away, fileOf(10))).toMatchObject({
    status: 400,
    body: { ok: false, reason: "device-offline" },
  });
  expect(await put("00".repeat(12), fileOf(10))).toMatchObject({ status: 404 });
  await fixture.addUser("other@example.com");
  const other = fixture.token("other@example.com");
  for (const [method, what] of [
    ["GET", "update"],
    ["DELETE", "update"],
    ["GET", "modules"],
  ]) {
    const url = `/v1/local/devices/${id}/${what}`;
    expect(await fixture.request(method, url, { token: other })).toMatchObject({ status: 404 });
    expect((await fixture.request(method, url)).status).toBe(400);
  }
});

test("an update goes on after the cloud was killed, when the device is back", async () => {
  const faults: ReceiverFaults = { finishDelayMs: 600_000 };
  const { id, device } = await connected(faults);
  const file = fileOf(30_000);
  const verifying = reached(id, ({ state }) => state === "verifying");
  await put(id, file);
  await verifying;
  await fixture.stopCloud();
  faults.finishDelayMs = 1;
  device.receiver.reboot();
  await fixture.start();
  expect(await viewOf(id)).toMatchObject({ size: 30_000, ended_at: null });
  const end = reached(id, ended);
  device.publish("alive", "again");
  expect(await end).toMatchObject({ state: "done" });
  expect(device.receiver.accepted?.equals(file)).toBe(true);
  // Nothing was sent again.
  expect(device.receiver.counts.chunks).toBe(Math.ceil(30_000 / 1136));
});

test("whether updates are enabled and forced, as the device says", async () => {
  const { id, device } = await connected();
  const flags = async (): Promise<unknown[]> => {
    const { body } = await fixture.request("GET", `/v1/devices/${id}`, { token });
    return [body.firmware_updates_enabled, body.firmware_updates_forced];
  };
  expect(await flags()).toEqual([true, false]);
  device.publish("particle/device/updates/enabled", "false");
  device.publish("particle/device/updates/forced", "true");
  while (!(await flags())[1]) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await flags()).toEqual([false, true]);
});

test("modules: what the system description says, or nothing", async () => {
  const { id } = await connected();
  const url = `/v1/local/devices/${id}/modules`;
  const { body } = await fixture.request("GET", url, { token });
  expect(body).toMatchObject({ id, online: true, modules: [], update: { state: "none" } });
});
