// The publish queue in storage: what it keeps over power cuts, what a torn write costs, how ids go on.

import { FullPolicy, Status, StorageSlot } from "../../bindings/node";
import { queueLife } from "../soak/queue";
import { FaultyStorage } from "../support/faulty-storage";
import { ACKNOWLEDGED, QUEUED, QueueWorld } from "../support/queue-world";

const LAST_SLOT = StorageSlot.QueueLast as number;
/** One slot always stays free. */
const CAPACITY = 15;

function stored(): { world: QueueWorld; storage: FaultyStorage } {
  const storage = new FaultyStorage();
  return { storage, world: new QueueWorld({ storage, device: { storedQueue: true } }) };
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

/** Slots that hold a publish. */
function slotsInUse(storage: FaultyStorage): number[] {
  const isQueue = (slot: number): boolean => slot >= StorageSlot.QueueFirst && slot <= LAST_SLOT;
  return [...storage.slots.keys()].filter(isQueue);
}

function delivered(world: QueueWorld): string[] {
  world.connectNow();
  world.run(120_000);
  expect(world.pending).toBe(0);
  return world.received.map(({ name, data }) => `${name} ${data.toString()}`);
}

test("what waits outlives a power cut, with name, data, order, priority and id", () => {
  const { world, storage } = stored();
  const handles = [
    world.publish("low", "1", { priority: "low" }),
    world.publish("long", "ü".repeat(512)),
    world.publish("z".repeat(64), ""),
    world.publish("json", '{"a":1}', { contentFormat: 50 }),
    world.publish("high", "2", { priority: "high" }),
  ];
  expect(slotsInUse(storage)).toHaveLength(5);
  world.startDevice();
  expect(world.pending).toBe(5);
  expect(handles.map((handle) => world.stateOf(handle))).toEqual(Array(5).fill(QUEUED));
  world.startDevice();
  expect(delivered(world)).toEqual([
    "high 2",
    `long ${"ü".repeat(512)}`,
    `${"z".repeat(64)} `,
    'json {"a":1}',
    "low 1",
  ]);
  expect(world.received.map(({ token }) => parseInt(token, 16))).toEqual([
    handles[4],
    handles[1],
    handles[2],
    handles[3],
    handles[0],
  ]);
  expect(world.received[3].contentType).toBe(50);
  expect(slotsInUse(storage)).toEqual([]);
});

test("an acknowledged event is gone from storage: a restart does not send it again", () => {
  const { world } = stored();
  world.connectNow();
  const handle = world.publish("n");
  world.run(1000);
  expect(world.stateOf(handle)).toBe(ACKNOWLEDGED);
  world.startDevice();
  world.connectNow();
  world.run(60_000);
  expect(world.names).toEqual(["n"]);
});

test("a cut between delivery and its acknowledgement repeats the event, under the same id", () => {
  const { world } = stored();
  world.connectNow();
  world.run(5000);
  world.tamper = (direction, bytes) => (direction === "down" ? undefined : bytes);
  world.publish("n", "1");
  world.run(1000);
  expect(world.received).toHaveLength(1);
  world.startDevice();
  world.tamper = (_direction, bytes) => bytes;
  expect(delivered(world)).toEqual(["n 1", "n 1"]);
  expect(new Set(world.received.map(({ token }) => token)).size).toBe(1);
});

test("ids are never given twice, whichever slot of their state goes bad", () => {
  for (const bad of [undefined, StorageSlot.QueueStateA, StorageSlot.QueueStateB]) {
    const { world, storage } = stored();
    const given = new Set<number>();
    for (let boot = 0; boot < 8; boot++) {
      for (let i = 0; i < 70; i++) {
        const handle = world.publish("n", "", { coalesce: true });
        expect(given.has(handle)).toBe(false);
        given.add(handle);
      }
      if (bad && boot % 3 === 1) storage.slots.get(bad)![9] ^= 1;
      world.startDevice();
    }
    expect(given.size).toBe(560);
    // They stay short: at most three bytes of token.
    expect(Math.max(...given)).toBeLessThan(2 ** 16);
  }
});

test("a publish without acknowledgement is not stored", () => {
  const { world, storage } = stored();
  world.publish("n", "", { confirmable: false });
  expect(slotsInUse(storage)).toEqual([]);
  world.startDevice();
  expect(world.pending).toBe(0);
});

describe("a full storage", () => {
  test("refuses, or lets others give way; the new one is written before they are erased", () => {
    const { world, storage } = stored();
    for (const name of names(CAPACITY)) world.publish(name);
    expect(world.refusal("more")).toBe(Status.NoSpace);
    expect(world.refusal("n0", "new", { coalesce: true })).toBe(Status.Ok);
    expect(slotsInUse(storage)).toHaveLength(CAPACITY);
    world.core.exports.queue_policy!(FullPolicy.DropOldest);
    world.publish("more");
    world.publish("most");
    expect(slotsInUse(storage)).toHaveLength(CAPACITY);
    world.startDevice();
    expect(delivered(world)).toEqual([
      ...names(CAPACITY)
        .slice(2)
        .map((name) => `${name} `),
      "more ",
      "most ",
    ]);
  });

  const cuts = (["old", "erased", "short"] as const).flatMap((tear) =>
    [1, 2, 3].map((write) => ({ tear, write })),
  );

  test.each(cuts)(
    "a cut at any byte loses neither the publish that is displaced nor the new one: %o",
    ({ tear, write }) => {
      for (let at = 0; at <= 60; at += 5) {
        const { world, storage } = stored();
        world.core.exports.queue_policy!(FullPolicy.DropOldest);
        for (const name of names(CAPACITY)) world.publish(name, "x".repeat(10));
        let left = write;
        storage.onWrite = () => (--left === 0 ? { tear, at } : undefined);
        world.refusal("new", "y".repeat(10));
        const wasTaken = !storage.isCut;
        storage.restorePower();
        world.startDevice();
        const arrived = delivered(world).map((event) => event.split(" ")[0]);
        expect(arrived).toEqual(expect.arrayContaining(names(CAPACITY).slice(1)));
        expect(arrived.includes("new") || (!wasTaken && arrived.includes("n0"))).toBe(true);
      }
    },
  );
});

test("storage that fails refuses with HostFailure, and the next publish is good again", () => {
  const { world, storage } = stored();
  world.publish("a");
  storage.onWrite = () => "refuse";
  expect(world.refusal("b")).toBe(Status.HostFailure);
  expect(world.pending).toBe(1);
  storage.onWrite = () => undefined;
  expect(world.refusal("c")).toBe(Status.Ok);
  expect(delivered(world)).toEqual(["a ", "c "]);
});

test("slots that hold something else are left out", () => {
  const { world, storage } = stored();
  world.publish("good");
  storage.slots.set(StorageSlot.QueueFirst + 3, new Uint8Array(1152).fill(0x57));
  storage.slots.set(StorageSlot.QueueFirst + 4, new Uint8Array(3));
  storage.slots.set(LAST_SLOT, new Uint8Array(3000));
  const damaged = Uint8Array.from(storage.slots.get(StorageSlot.QueueFirst)!);
  damaged[damaged.length - 1] ^= 1;
  storage.slots.set(StorageSlot.QueueFirst + 5, damaged);
  world.startDevice();
  expect(world.pending).toBe(1);
  expect(delivered(world)).toEqual(["good "]);
});

test("2,000 events through link and power cuts: none lost, repetitions under the same id", () => {
  const report = queueLife(7, 2000);
  expect(report.problems).toEqual([]);
  expect(report.powerCuts).toBeGreaterThan(50);
  expect(report.linkCuts).toBeGreaterThan(20);
  expect(report.repeated).toBeGreaterThan(0);
});
