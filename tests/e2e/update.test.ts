// Updates over the air to a Node device over real UDP on loopback: applications that take each other's
// place without a reset, bad ones that do not, native firmware; what a user's program sees of it.

import { readFileSync } from "node:fs";
import path from "node:path";

import { Device, Status } from "../../bindings/node";
import type { UpdateStep } from "../../bindings/node";
import { signFirmware } from "../../tools/application/sign";
import { applicationImage } from "../support/application-modules";
import { UpdateBench } from "../support/update-bench";
import { TEST_UPDATE_KEY } from "../support/update-key";

/** Native firmware, in the numbers of the system description. */
const FIRMWARE = 3;

describe("updates of a device over real UDP", () => {
  const bench = new UpdateBench();
  let sessionId = "";
  beforeAll(async () => {
    await bench.start();
    sessionId = bench.sessionId;
  });
  afterAll(() => bench.stop());

  test("a first application runs without a reset, beside what the program offers", async () => {
    const alive = bench.event("alive");
    const changed = bench.change();
    await bench.cloud.flash(bench.id, await applicationImage("well", 1));
    expect(await changed).toMatchObject({ status: Status.Ok, version: 1 });
    expect(await alive).toBe("1");
    expect((await bench.functionsWith("ask")).sort()).toEqual(["ask", "programs"]);
    expect(await bench.cloud.call(bench.id, "ask", "four")).toBe(4);
    expect(await bench.cloud.call(bench.id, "programs", "three")).toBe(5);
    expect(await bench.cloud.read(bench.id, "version")).toBe(1);
    expect(bench.steps.map(({ state }) => state)).toEqual(
      expect.arrayContaining(["started", "progress", "ended"]),
    );
    expect(bench.device.updates.summary).toMatchObject({ version: 1, isEnabled: true });
    // What comes after the application would be taken for its own.
    expect(() => bench.device.function("late", () => 0)).toThrow();
  });

  test("an application that is on probation is not replaced; one that has confirmed is", async () => {
    const next = await applicationImage("sensor", 2);
    await expect(bench.cloud.flash(bench.id, next)).rejects.toThrow();
    expect(await bench.cloud.call(bench.id, "ask", "confirm")).toBe(Status.Ok);
    const event = bench.event("temp");
    await bench.cloud.flash(bench.id, next);
    expect(await event).toMatch(/tenths/);
    expect((await bench.functionsWith("interval")).sort()).toEqual(["interval", "programs"]);
    expect(bench.device.updates.summary).toMatchObject({ version: 2, formerVersion: 1 });
    expect(bench.sessionId).toBe(sessionId);
    bench.device.updates.confirm();
  });

  test.each([
    ["trap", Status.ApplicationTrap],
    ["endless", Status.ApplicationTime],
    ["flood", Status.ApplicationFlood],
  ] as const)("one that goes wrong (%s) gives way to the one before", async (name, status) => {
    const begins = bench.change();
    await bench.cloud.flash(bench.id, await applicationImage(name, 3));
    expect(await begins).toMatchObject({ status: Status.Ok, version: 3 });
    // The next is a second away, when it goes wrong.
    expect(await bench.change()).toMatchObject({ status, version: 2 });
    expect(await bench.functionsWith("interval")).toContain("interval");
    expect(bench.device.updates.summary).toMatchObject({ version: 2, lastStatus: status });
    expect(bench.sessionId).toBe(sessionId);
  });

  test("what was flashed outlives the process, and so does the session", async () => {
    const event = bench.event("temp");
    await bench.startDevice();
    await event;
    expect(bench.device.updates.summary.version).toBe(2);
    expect(bench.sessionId).toBe(sessionId);
    expect(await bench.cloud.call(bench.id, "interval", "60")).toBe(60);
  });

  test("an update waits while the gate is closed, until it is applied", async () => {
    bench.device.updates.gate(false);
    bench.steps.length = 0;
    const pending = bench.event("particle/device/updates/pending");
    await bench.cloud.flash(bench.id, await applicationImage("well", 4));
    expect(await pending).toBe("true");
    expect(bench.steps.at(-1)).toEqual({ state: "pending", version: 4 });
    expect(bench.device.updates.summary).toMatchObject({ version: 2, pendingVersion: 4 });
    const alive = bench.event("alive");
    bench.device.updates.apply();
    expect(await alive).toBe("4");
  });

  test("the program goes back to the application before", async () => {
    const changed = bench.change();
    bench.device.updates.rollback();
    expect(await changed).toMatchObject({ version: 2 });
    expect(await bench.functionsWith("interval")).not.toContain("ask");
  });

  test("updates that are disabled are refused, and the cloud is told", async () => {
    const told = bench.event("particle/device/updates/enabled");
    bench.device.updates.enable(false);
    expect(await told).toBe("false");
    const image = await applicationImage("well", 5);
    await expect(bench.cloud.flash(bench.id, image)).rejects.toThrow(/-1380|disabled/);
    bench.device.updates.enable();
    expect(bench.device.updates.summary.isEnabled).toBe(true);
  });

  test("a device without a place for images runs no application", () => {
    const options = { module: bench.module, storage: bench.storage, deviceId: bench.id };
    const server = { host: "localhost", port: 9 };
    expect(() => new Device({ ...options, server, application: true })).toThrow(/images/);
  });

  test("native firmware is staged as a file; the program restarts when it likes", async () => {
    const binary = Buffer.alloc(20_000, "native firmware ");
    const staged = new Promise<UpdateStep>((resolve) => {
      bench.device.on("update", (step) => step.state === "firmware" && resolve(step));
    });
    const image = signFirmware(binary, TEST_UPDATE_KEY, { version: 7 });
    await bench.cloud.flash(bench.id, image, { moduleFunction: FIRMWARE });
    expect(await staged).toEqual({ state: "firmware", version: 7 });
    const file = readFileSync(path.join(bench.folder, "images/firmware.bin"));
    expect(file.equals(binary)).toBe(true);
    expect(bench.sessionId).toBe(sessionId);
  });
});
