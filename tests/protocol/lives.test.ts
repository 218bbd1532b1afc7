// Record numbers, message ids and publishes over reboots and power cuts: random lives, and each byte
// of the writes that matter.

import { StorageSlot, Status } from "../../bindings/node";
import { live } from "../soak/lives";
import { Application } from "../support/application";
import { FaultyStorage } from "../support/faulty-storage";
import type { Tear } from "../support/faulty-storage";
import { recordsOf } from "../support/wire";
import { World } from "../support/world";

/** The names of all sealed records of the device; each may be used once. */
class RecordNumbers {
  readonly repeated: string[] = [];
  private readonly used = new Set<string>();

  constructor(world: World, storage: FaultyStorage) {
    world.tamper = (direction, bytes) => {
      if (direction === "down") return bytes;
      if (storage.isCut) return undefined;
      for (const { connectionId, sequenceNumber } of recordsOf({ direction, bytes })) {
        if (!connectionId) continue;
        const name = `${connectionId.toString("hex")} ${sequenceNumber}`;
        if (this.used.has(name)) this.repeated.push(name);
        this.used.add(name);
      }
      return bytes;
    };
  }
}

function setup(): {
  world: World;
  storage: FaultyStorage;
  application: Application;
  numbers: RecordNumbers;
  reboot: () => void;
} {
  const storage = new FaultyStorage();
  const world = new World({ storage });
  const application = new Application(world).function("f", () => 1);
  const numbers = new RecordNumbers(world, storage);
  const reboot = (): void => {
    storage.restorePower();
    world.startDevice();
    application.install();
    application.outcomes.clear();
  };
  return { world, storage, application, numbers, reboot };
}

/** Publish and wait for the ACK; nothing when the outbox is full. */
function publish(world: World, application: Application): void {
  try {
    application.publish("n");
  } catch (error) {
    expect(error).toMatchObject({ status: Status.NoSpace });
  }
  world.run(50);
}

test("200 random lives", () => {
  const reports = Array.from({ length: 200 }, (_, seed) => live(seed + 1));
  expect(reports.filter(({ problems }) => problems.length > 0)).toEqual([]);
  const sum = (value: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, report) => total + value(report), 0);
  // The lives are worth something only if much happens in them.
  expect(sum(({ boots }) => boots)).toBeGreaterThan(500);
  expect(sum(({ torn }) => torn)).toBeGreaterThan(100);
  expect(sum(({ records }) => records)).toBeGreaterThan(20_000);
  expect(sum(({ resumes }) => resumes)).toBeGreaterThan(500);
});

/** Cut the power in one write of each kind: a session's first, its second, a boot's, a reservation's. */
function cutOften(tear: Tear, at: number): { length: number; repeated: string[] } {
  const { world, storage, application, numbers, reboot } = setup();
  let length = 0;
  for (const write of [1, 2, 1, 2, 3]) {
    let left = write;
    storage.onWrite = (_slot, bytes) => {
      length = bytes.length;
      return --left === 0 ? { tear, at } : undefined;
    };
    world.connect();
    world.run(500);
    for (let i = 0; i < 150 && !storage.isCut; i++) publish(world, application);
    expect(storage.isCut).toBe(true);
    reboot();
  }
  world.connectNow();
  publish(world, application);
  expect(application.isSettled).toBe(true);
  return { length, repeated: numbers.repeated };
}

test("a power cut at each byte of each kind of write", () => {
  for (const tear of ["old", "erased", "short"] as const) {
    let end = 1;
    for (let at = 0; at <= end; at += tear === "old" ? 1 : 7) {
      const { length, repeated } = cutOften(tear, at);
      expect({ tear, at, repeated }).toEqual({ tear, at, repeated: [] });
      end = length;
    }
  }
});

test("a write that is reported as failed although it happened", () => {
  for (let lie = 1; lie <= 4; lie++) {
    for (const then of ["refuse", undefined] as const) {
      const { world, storage, application, numbers, reboot } = setup();
      let writes = 0;
      storage.onWrite = () => {
        writes += 1;
        return writes === lie ? "lie" : writes > lie ? then : undefined;
      };
      world.connect();
      for (let i = 0; i < 200; i++) publish(world, application);
      world.run(60_000);
      expect({ lie, then, settled: application.isSettled }).toEqual({ lie, then, settled: true });
      reboot();
      world.connect();
      world.run(1000);
      for (let i = 0; i < 100; i++) publish(world, application);
      world.run(60_000);
      expect({ lie, then, repeated: numbers.repeated }).toEqual({ lie, then, repeated: [] });
      expect({ lie, then, settled: application.isSettled }).toEqual({ lie, then, settled: true });
    }
  }
});

test("a slot that goes bad by itself", () => {
  for (const slot of [StorageSlot.SessionA, StorageSlot.SessionB]) {
    for (let records = 0; records < 200; records += 9) {
      const { world, storage, application, numbers, reboot } = setup();
      world.connectNow();
      world.run(500);
      for (let i = 0; i < records; i++) publish(world, application);
      const bytes = storage.slots.get(slot);
      if (bytes) bytes[100] ^= 1;
      reboot();
      world.connectNow();
      for (let i = 0; i < 100; i++) publish(world, application);
      expect({ slot, records, repeated: numbers.repeated }).toEqual({
        slot,
        records,
        repeated: [],
      });
      expect([...application.outcomes.values()].flat().every((s) => s === Status.Ok)).toBe(true);
    }
  }
});

test("a reboot after each single step of a cold start and of a resume", () => {
  const { world, application, numbers, reboot } = setup();
  for (let round = 0; round < 3; round++) {
    for (let steps = 0; steps < 30; steps++) {
      world.connect();
      application.publish("n");
      for (let i = 0; i < steps; i++) world.step(world.now + 1000);
      reboot();
    }
    for (const slot of [StorageSlot.SessionA, StorageSlot.SessionB])
      world.storage.slots.delete(slot);
  }
  expect(numbers.repeated).toEqual([]);
});
