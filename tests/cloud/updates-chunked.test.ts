// The sender of chunked updates over TCP, fast and slow, against a scripted device in virtual time.

import type { CloudError } from "../../cloud";
import type { FlashOptions, UpdateResult } from "../../cloud";
import { ChunkedReceiver } from "../support/chunked-receiver";
import type { ChunkedFaults } from "../support/chunked-receiver";
import { TCP_DEVICE_ID, connectedTcp } from "../support/tcp-fixture";
import type { TcpFixture } from "../support/tcp-fixture";
import type { TcpDevice } from "../support/tcp-device";
import type { Outgoing } from "../support/update-receiver";
import { fileOf } from "../support/flash-world";

interface World extends TcpFixture {
  receiver: ChunkedReceiver;
  now: number;
  /** Bytes that went to the device in one turn at most. */
  burst: number;
}

/** One-way delay, ms. */
const DELAY = 50;
/** The cloud closes a connection that is silent for long. */
const PING_INTERVAL = 15_000;

function setup(faults: ChunkedFaults = {}): World {
  const fixture = connectedTcp();
  const up: Buffer[] = [];
  const send = (message: Outgoing): void => void up.push(fixture.device.coap(message));
  const receiver = new ChunkedReceiver(send, faults);
  const world = { ...fixture, receiver, now: 0, burst: 0 };
  fixture.cloud.useClock(() => world.now);
  worlds.set(world, { up, device: fixture.device });
  return world;
}
const worlds = new WeakMap<World, { up: Buffer[]; device: TcpDevice }>();

/** Let both ends talk. @returns whether anything happened */
function turn(world: World): boolean {
  const { up, device } = worlds.get(world) as { up: Buffer[]; device: TcpDevice };
  const before = device.bytesReceived;
  const messages = device.collect(world.cloud);
  world.burst = Math.max(world.burst, device.bytesReceived - before);
  for (const message of messages) {
    if (world.receiver.handle(message) || message.type !== 0) continue;
    up.push(device.coap({ type: 2, code: 0, messageId: message.messageId }));
  }
  world.now += DELAY;
  if (world.now % PING_INTERVAL === 0) up.push(device.coap({ type: 0, code: 0 }));
  const bytes = up.splice(0);
  for (const piece of bytes) world.cloud.handleStream(device.address, piece, world.now);
  world.cloud.handleTimeout(world.now);
  return messages.length > 0 || bytes.length > 0;
}

async function flash(
  world: World,
  file: Buffer,
  options: FlashOptions = {},
): Promise<UpdateResult | Error> {
  let outcome: UpdateResult | Error | undefined;
  const settle = (result: UpdateResult | Error): void => void (outcome = result);
  world.cloud.flash(TCP_DEVICE_ID, file, options).then(settle, settle);
  for (let turns = 0; turns < 20_000 && outcome === undefined; turns++) {
    turn(world);
    await Promise.resolve();
  }
  return outcome ?? new Error("the update is not over");
}

test.each([
  ["fast", false],
  ["slow", true],
])("%s: arrives whole", async (_variant, slow) => {
  for (const length of [1, 511, 512, 5120, 40_001]) {
    const world = setup({ slow });
    const file = fileOf(length);
    const chunks = Math.ceil(length / 512);
    expect(await flash(world, file)).toMatchObject({ size: length, chunks, repeats: 0 });
    expect(world.receiver.accepted?.equals(file)).toBe(true);
    expect(world.receiver.counts).toMatchObject({ begins: 1, dones: 1, missed: 0 });
  }
});

test.each([
  ["fast", false],
  ["slow", true],
])("%s: what was damaged is sent again", async (_variant, slow) => {
  const damaged = [0, 3, 77];
  const world = setup({ slow, damaged });
  const file = fileOf(40_000);
  expect(await flash(world, file)).toMatchObject({ repeats: 3 });
  expect(world.receiver.accepted?.equals(file)).toBe(true);
  expect(world.receiver.counts).toMatchObject({ bad: 3, missed: slow ? 0 : 1 });
});

test("more is missing than one list holds", async () => {
  const world = setup({ damaged: Array.from({ length: 50 }, (_, index) => index) });
  const file = fileOf(40_000);
  expect(await flash(world, file)).toMatchObject({ repeats: 50 });
  expect(world.receiver.accepted?.equals(file)).toBe(true);
  expect(world.receiver.counts.missed).toBe(3);
});

test("not more is on its way than others can wait for", async () => {
  const world = setup();
  await flash(world, fileOf(200_000));
  expect(world.burst).toBeLessThan(20_000);
});

test("keeps to a rate", async () => {
  const world = setup();
  const result = await flash(world, fileOf(20_000), { bytesPerSecond: 1000 });
  expect((result as UpdateResult).durationMs).toBeGreaterThan(17_000);
  expect((result as UpdateResult).durationMs).toBeLessThan(23_000);
});

test.each<[string, ChunkedFaults]>([
  ["at once", { refuseBegin: "wrong board" }],
  ["at a chunk", { refuseChunk: 3 }],
  ["at the end", { refuseDone: "wrong board" }],
])("the device refuses %s", async (_when, faults) => {
  const world = setup(faults);
  const result = await flash(world, fileOf(40_000));
  expect(result).toMatchObject({ code: "update-refused", deviceCode: -144, reason: "wrong-board" });
  expect(world.cloud.device(TCP_DEVICE_ID).online).toBe(true);
  expect(world.receiver.counts.begins).toBe(1);
});

test("nonsense in the answer to UpdateBegin", async () => {
  const world = setup({ ready: Buffer.of(1, 2, 3) });
  const result = await flash(world, fileOf(5000));
  expect(result).toMatchObject({ code: "update-failed" });
  expect((result as CloudError).message).toContain("bad-response");
});

test("chunks that the file does not have are not missing", async () => {
  const world = setup();
  const options = [{ number: 11, value: Buffer.from("c") }];
  for (const payload of [Buffer.of(0xff, 0xff), Buffer.of(1), Buffer.alloc(0)]) {
    world.device.give(world.cloud, world.device.coap({ code: 1, options, payload }), world.now);
  }
  expect(await flash(world, fileOf(5000))).toMatchObject({ repeats: 0 });
  expect(world.cloud.counters["malformed-message"]).toBe(2);
});

test("begins anew on another connection", async () => {
  const world = setup();
  const file = fileOf(40_000);
  const promise = world.cloud.flash(TCP_DEVICE_ID, file);
  for (let turns = 0; turns < 3; turns++) turn(world);
  expect(world.cloud.updateOf(TCP_DEVICE_ID)).toMatchObject({ state: "progress" });
  world.cloud.handleDisconnection(world.device.address, world.now);
  expect(world.cloud.updateOf(TCP_DEVICE_ID)).toMatchObject({ state: "waiting" });
  const again = world.again("second");
  again.connect(world.cloud, world.now);
  const up: Buffer[] = [];
  const receiver = new ChunkedReceiver((message) => void up.push(again.coap(message)));
  for (const message of again.received) receiver.handle(message);
  worlds.set(world, { up, device: again });
  world.receiver = receiver;
  for (let turns = 0; turns < 100; turns++) turn(world);
  expect(await promise).toMatchObject({ attempts: 2, resumedAt: 0 });
  expect(receiver.accepted?.equals(file)).toBe(true);
});
