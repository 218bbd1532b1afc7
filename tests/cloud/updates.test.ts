// The sender of updates over UDP against a scripted device in virtual time.

import { DEVICE_ID } from "../support/cloud-fixture";
import { SeededRandom } from "../support/random";
import { FlashWorld, fileOf } from "../support/flash-world";
import type { FlashLink } from "../support/flash-world";
import type { ReceiverFaults } from "../support/update-receiver";
import { CloudError, UpdateFailed } from "../../cloud";
import type { UpdateResult } from "../../cloud";

jest.setTimeout(60_000);

const WAY: FlashLink = { delay: 50 };

/** Flash and expect the file to arrive. */
async function flashed(world: FlashWorld, file: Buffer, options = {}): Promise<UpdateResult> {
  const result = await world.flash(file, options);
  if (result instanceof Error) throw result;
  expect(world.receiver.accepted?.equals(file)).toBe(true);
  return result;
}

async function failureOf(
  world: FlashWorld,
  file = fileOf(5120),
  options = {},
): Promise<UpdateFailed> {
  const result = await world.flash(file, options);
  if (!(result instanceof UpdateFailed)) throw new Error(`${String(result)} in place of a failure`);
  expect(world.receiver.accepted).toBeUndefined();
  return result;
}

describe("an update", () => {
  test("arrives whole, and tells how far it is", async () => {
    const world = new FlashWorld(WAY);
    const result = await flashed(world, fileOf(5120));
    expect(result).toMatchObject({ size: 5120, resumedAt: 0, attempts: 1, chunks: 5, repeats: 0 });
    expect(result.device).toMatchObject({ receivedChunks: 5, duplicateChunks: 0 });
    const states = world.reports.map(({ state }) => state);
    expect(states[0]).toBe("started");
    expect(states.slice(-2)).toEqual(["verifying", "done"]);
    const progress = world.reports.filter(({ state }) => state === "progress");
    const sent = progress.map((report) => report.sent);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    expect(world.cloud.updateOf(DEVICE_ID)).toMatchObject({
      state: "done",
      sent: 5120,
      size: 5120,
    });
  });

  test("of any length: one byte, whole chunks, one byte more", async () => {
    for (const length of [1, 511, 512, 513, 1136, 1137, 2272, 40_000]) {
      await flashed(new FlashWorld(WAY), fileOf(length));
    }
  });

  test("announces what the file is, and forgets what is held when asked", async () => {
    const world = new FlashWorld(WAY);
    await flashed(world, fileOf(600), { moduleFunction: 4, discard: true, chunkSize: 512 });
    const start = world.device.received.find(({ options }) => options[0]?.value.toString() === "S");
    const values = start?.options.map(({ number, value }) => [number, value.toString("hex")]);
    expect(values).toEqual([
      [11, "53"],
      [2057, "0258"],
      [2061, expect.stringMatching(/^[0-9a-f]{64}$/)],
      [2065, "0200"],
      [2069, ""],
      [2077, "04"],
      [2080, "04"],
    ]);
  });

  test("survives loss, reordering, duplication", async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const link = { delay: 40, jitter: 100, loss: 0.1, duplication: 0.05 };
      await flashed(new FlashWorld(link, seed), fileOf(30_000, seed));
    }
  });

  test("keeps to the window of the device", async () => {
    // The receiver throws for a chunk beyond it.
    const world = new FlashWorld({ delay: 50, loss: 0.1 }, 3, { window: 3 });
    await flashed(world, fileOf(30_000));
  });

  test("keeps to a rate", async () => {
    const world = new FlashWorld({ delay: 5 });
    const { durationMs } = await flashed(world, fileOf(20_000), { bytesPerSecond: 1000 });
    expect(durationMs).toBeGreaterThan(17_000);
    expect(durationMs).toBeLessThan(22_000);
  });

  test("does not flood a slow link", async () => {
    const world = new FlashWorld({ delay: 300, bytesPerSecond: 1000 });
    const { repeats } = await flashed(world, fileOf(60_000));
    expect(repeats).toBe(0);
    // Some 8 chunks, not the 64 of slow start.
    expect(world.longestQueue).toBeLessThan(12_000);
  });

  test("lets calls and events pass", async () => {
    const world = new FlashWorld({ delay: 200, bytesPerSecond: 4000 });
    const calls: number[] = [];
    world.onMessage = ({ type, messageId, token, options }) => {
      if (type === 0) world.sendUp({ type: 2, code: 0, messageId });
      if (options[0]?.value.toString() !== "f") return undefined;
      calls.push(world.now);
      return { type: 1, code: 0x44, token, payload: Buffer.of(0, 0, 0, 7) };
    };
    world.start(fileOf(60_000));
    world.runUntil(20_000);
    const begin = world.now;
    const called = world.cloud.call(DEVICE_ID, "led", "on");
    await world.finish();
    expect(await called).toBe(7);
    // The way, and not more than 10 chunks before it.
    expect(calls).toHaveLength(1);
    expect(calls[0] - begin).toBeLessThan(200 + 3000);
    expect(world.now - begin).toBeGreaterThan(10_000);
    expect(world.receiver.accepted).toBeDefined();
  });
});

describe("the device refuses", () => {
  const wrongBoard = { code: -144, message: "wrong board" };
  test.each<[string, ReceiverFaults, Partial<UpdateFailed>]>([
    [
      "at once",
      { refuseStart: { code: -1380, message: "updates disabled" } },
      { deviceCode: -1380, reason: "updates-disabled" },
    ],
    [
      "in the middle, by a Reset",
      { refuseAt: { bytes: 1024, ...wrongBoard } },
      { deviceCode: -144, reason: "wrong-board" },
    ],
    ["at the end", { refuseFinish: wrongBoard }, { deviceCode: -144, reason: "wrong-board" }],
    [
      "with a code without a name",
      { refuseFinish: { code: -9999, message: "odd\u001b[31m" } },
      { deviceCode: -9999, reason: "refused" },
    ],
  ])("%s", async (_when, faults, expected) => {
    const world = new FlashWorld(WAY, 1, faults);
    const failure = await failureOf(world, fileOf(20_000));
    expect(failure).toMatchObject({ code: "update-refused", ...expected });
    expect(failure.message).not.toContain("\u001b");
    expect(world.receiver.counts.starts).toBe(1);
    expect(world.reports.at(-1)).toMatchObject({ state: "failed", error: failure });
    // The session lives, and the next one may begin.
    Object.assign(world.receiver.faults, {
      ...{ refuseStart: undefined, refuseAt: undefined, refuseFinish: undefined },
    });
    await flashed(world, fileOf(600));
  });

  test("a Reset stops the chunks", async () => {
    const world = new FlashWorld({ delay: 1000 }, 1, { refuseAt: { bytes: 512, ...wrongBoard } });
    await failureOf(world, fileOf(60_000));
    expect(world.receiver.counts.chunks).toBeLessThan(5);
  });
});

describe("nonsense of the device", () => {
  test.each([
    ["no options", []],
    [
      "a window of 0",
      [
        { number: 2053, value: Buffer.alloc(0) },
        { number: 2057, value: Buffer.alloc(0) },
      ],
    ],
    [
      "more held than there is",
      [
        { number: 2053, value: Buffer.of(9) },
        { number: 2057, value: Buffer.of(255, 255) },
      ],
    ],
  ])("in the answer to UpdateStart: %s", async (_what, startOptions) => {
    const world = new FlashWorld(WAY, 1, { startOptions });
    expect(await failureOf(world)).toMatchObject({ code: "update-failed" });
    expect(world.receiver.counts.starts).toBe(8);
  });

  test("in acknowledgements is dropped", async () => {
    const world = new FlashWorld({ delay: 500 });
    const path = { number: 11, value: Buffer.from("A") };
    const index = (hex: string): { number: number; value: Buffer } => ({
      ...{ number: 2049, value: Buffer.from(hex, "hex") },
    });
    world.start(fileOf(20_000));
    world.runUntil(5000);
    for (const [options, payload] of [
      [[path], ""],
      [[path, index("ff")], ""],
      [[path, index("")], "ffffffff"],
      [[path, index("")], "01"],
      [[path, index("")], "00".repeat(36)],
      [[path, index("0102030405")], ""],
    ] as const) {
      world.sendUp({
        type: 1,
        code: 2,
        options: [...options],
        payload: Buffer.from(payload, "hex"),
      });
    }
    expect(await world.finish()).toMatchObject({ repeats: 0 });
    expect(world.cloud.counters["malformed-message"]).toBe(6);
  });

  test("made up acknowledgements neither stop the cloud nor keep it busy for ever", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const world = new FlashWorld({ delay: 100, loss: 0.05 }, seed);
      world.start(fileOf(30_000), { patienceMs: 600_000 });
      const lie = (): void => {
        const payload = Buffer.from(random.bytes(random.below(10) * 4));
        const index = Buffer.from(random.bytes(random.below(2)));
        const path = { number: 11, value: Buffer.from("A") };
        const options = [path, { number: 2049, value: index }];
        world.sendUp({ type: random.below(2), code: 2, options, payload });
      };
      for (let count = 0; count < 200 && !world.isOver; count++) {
        if (random.chance(0.3)) lie();
        world.step(3600_000);
      }
      const result = await world.finish();
      expect(world.isOver).toBe(true);
      // A device that claims what it has not is asked again for what is true.
      if (!(result instanceof Error)) expect(world.receiver.accepted).toHaveLength(30_000);
      expect(world.cloud.pollTimeout(world.now)).not.toBe(0);
    }
  });

  test("an acknowledgement without an update is nothing", () => {
    const world = new FlashWorld(WAY);
    const options = [
      { number: 11, value: Buffer.from("A") },
      { number: 2049, value: Buffer.of(3) },
    ];
    world.sendUp({ type: 1, code: 2, options });
    world.run(1000);
    expect(world.cloud.device(DEVICE_ID).online).toBe(true);
  });
});

describe("an update that is interrupted", () => {
  const file = fileOf(60_000);

  async function resumed(world: FlashWorld, attempts = 2): Promise<UpdateResult> {
    const result = await world.finish();
    if (result instanceof Error) throw result;
    expect(result.attempts).toBe(attempts);
    expect(result.resumedAt).toBeGreaterThanOrEqual(20_000);
    expect(world.receiver.accepted?.equals(file)).toBe(true);
    return result;
  }

  test("goes on where it was with a new session", async () => {
    const world = new FlashWorld(WAY);
    world.start(file);
    world.runUntil(20_000);
    world.cloud.disconnect(DEVICE_ID);
    expect(world.cloud.updateOf(DEVICE_ID)?.state).toBe("waiting");
    world.reconnect();
    expect(await resumed(world)).toMatchObject({ repeats: 0 });
  });

  test("goes on after the device was without power, with its old session", async () => {
    const world = new FlashWorld(WAY);
    world.start(file);
    world.runUntil(20_000);
    world.receiver.reboot();
    await resumed(world);
    // The Reset of a chunk, then UpdateFinish tells that nothing is under way.
    expect(world.receiver.counts).toMatchObject({ starts: 2, finishes: 2 });
  });

  test("waits while the device sleeps", async () => {
    const world = new FlashWorld(WAY);
    world.start(file);
    world.runUntil(20_000);
    const goodbye = { number: 11, value: Buffer.from("x") };
    world.sendUp({ type: 1, code: 2, options: [goodbye], payload: Buffer.from("00", "hex") });
    world.receiver.reboot();
    world.deaf = true;
    world.run(world.now + 200);
    const { datagrams } = world.traffic;
    world.run(world.now + 600_000);
    expect(world.traffic.datagrams).toBe(datagrams);
    world.deaf = false;
    world.sendUp({ type: 0, code: 0 });
    await resumed(world);
  });

  test("tries again when the link was gone for some minutes", async () => {
    const world = new FlashWorld(WAY);
    world.start(file);
    world.runUntil(20_000);
    world.dead = true;
    const { datagrams } = world.traffic;
    world.run(world.now + 300_000);
    // Neither does it flood the dead link.
    expect(world.traffic.datagrams - datagrams).toBeLessThan(40);
    world.dead = false;
    const result = await world.finish();
    expect(result).not.toBeInstanceOf(Error);
    expect(world.receiver.accepted?.equals(file)).toBe(true);
  });

  test("goes on when the cloud was restarted and is asked again", async () => {
    const world = new FlashWorld(WAY);
    world.start(file);
    world.runUntil(20_000);
    world.restartCloud();
    world.start(file, { waitForDevice: true });
    world.sendUp({ type: 0, code: 0 });
    await resumed(world, 1);
  });

  test("is given up in the end", async () => {
    const world = new FlashWorld(WAY);
    world.start(file, { patienceMs: 20 * 60_000 });
    world.runUntil(20_000);
    world.dead = true;
    const result = await world.finish();
    expect(result).toMatchObject({ code: "timeout" });
    expect(world.now).toBeGreaterThan(20 * 60_000);
    expect(world.now).toBeLessThan(21 * 60_000);
    expect(world.cloud.pollTimeout(world.now)).not.toBe(0);
  });

  test("is cancelled when asked", async () => {
    const world = new FlashWorld(WAY);
    const abort = new AbortController();
    world.start(file, { signal: abort.signal });
    world.runUntil(20_000);
    abort.abort();
    const result = await world.finish();
    expect(result).toMatchObject({ code: "update-cancelled" });
    world.run(world.now + 10_000);
    expect(world.receiver.counts.cancels).toBe(1);
    expect(world.receiver.transfer).toBeUndefined();
    await flashed(world, fileOf(600));
  });
});

test("only one at a time, and only for a device that is there", async () => {
  const world = new FlashWorld(WAY);
  world.start(fileOf(5000));
  await expect(world.cloud.flash(DEVICE_ID, fileOf(10))).rejects.toMatchObject({
    code: "update-under-way",
  });
  await world.finish();
  await expect(world.cloud.flash("00".repeat(12), fileOf(10))).rejects.toBeInstanceOf(CloudError);
  world.cloud.disconnect(DEVICE_ID);
  await expect(world.cloud.flash(DEVICE_ID, fileOf(10))).rejects.toMatchObject({
    code: "device-offline",
  });
});
