// The meter of data operations against the cloud's own count, the byte ledger against the wire, and the
// budget: warnings, policies, periods.

import {
  BudgetPolicy,
  Cause,
  EventKind,
  LedgerField,
  Meter,
  Plan,
  Status,
  VariableType,
} from "../../bindings/node";
import { Application } from "../support/application";
import { ACKNOWLEDGED, QUEUED, QueueWorld } from "../support/queue-world";
import { DEVICE_ID } from "../support/world";
import type { WorldOptions } from "../support/world";
import { messages } from "../support/wire";

const HEADERS = 28;

const meter = (world: QueueWorld, number: Meter): number => world.core.exports.meter!(number) >>> 0;

function figures(world: QueueWorld): Record<string, number> {
  return {
    publishes: meter(world, Meter.Publishes),
    deliveries: meter(world, Meter.Deliveries),
    functions: meter(world, Meter.Functions),
    variables: meter(world, Meter.Variables),
  };
}

/** A device with a function, a variable and a subscription, that publishes at any pace. */
function busy(options: WorldOptions = {}): QueueWorld {
  const world = new QueueWorld(options);
  const note = world.onEvent;
  new Application(world)
    .function("f", () => 1)
    .variable("v", VariableType.Int, () => 7)
    .subscribe("e")
    .subscribe("e/x");
  const answer = world.onEvent;
  world.onEvent = (event) => {
    note(event);
    answer(event);
  };
  world.core.exports.queue_pacing!(1, 0);
  return world;
}

/** `count` operations at random; every call is waited for. */
async function trace(world: QueueWorld, count: number): Promise<void> {
  const { random, cloud } = world;
  for (let i = 0; i < count; i++) {
    const choice = random.below(4);
    if (choice === 0) world.publish("p", "x".repeat(random.below(1025)));
    else if (choice === 1) cloud.publish(random.chance(0.5) ? "e" : "e/x/y", "data");
    else if (choice === 2) await world.settle(cloud.call(DEVICE_ID, "f", `${i}`));
    else await world.settle(cloud.read(DEVICE_ID, "v"));
    // Deliveries beyond what the cloud has in flight would wait for their repetition.
    if (choice < 2) world.run(60);
  }
  world.runUntil(() => world.pending === 0, 600_000);
  world.run(300_000);
}

describe("operations", () => {
  test("R52: the meter equals the cloud's over a random trace of 10,000 operations", async () => {
    const world = busy({ seed: 5 });
    world.connectNow();
    world.run(2000);
    await trace(world, 10_000);
    const { repeated, ...counted } = world.cloud.operations.of(DEVICE_ID);
    expect(figures(world)).toEqual(counted);
    expect(repeated).toBe(0);
    const sum = Object.values(counted).reduce((a, b) => a + b, 0);
    expect(sum).toBe(10_000);
    expect(meter(world, Meter.Operations)).toBe(sum);
  });

  test("R54: repetitions are counted apart; over a lossy link nothing is counted twice", async () => {
    const world = busy({ seed: 9, loss: 0.05, duplication: 0.1, maxDelay: 100 });
    world.connectNow(600_000);
    world.run(60_000);
    await trace(world, 400);
    const { repeated: _repeated, ...counted } = world.cloud.operations.of(DEVICE_ID);
    expect(figures(world)).toEqual(counted);
    expect(meter(world, Meter.Repetitions)).toBeGreaterThan(10);
  });

  test("R55: what does not count: session, keepalives, vitals, time, events of the system", () => {
    const world = busy();
    world.connectNow();
    world.core.exports.publish_vitals();
    world.core.exports.request_time();
    world.drain();
    world.run(200_000);
    new Application(world).subscribe("particle");
    world.run(1000);
    world.cloud.publish("particle/device/name", "x");
    world.cloud.publish("Spark/status", "x");
    world.run(1000);
    expect(meter(world, Meter.Operations)).toBe(0);
    expect(meter(world, Meter.Bytes)).toBeGreaterThan(1000);
  });

  test("R54: a publish that went out and failed is told apart: the cloud may have counted it", () => {
    const world = busy();
    world.connectNow();
    world.run(2000);
    const handle = world.publish("n", "", { ttl: 250 });
    const { messageId } = messages(world, "up").slice(-1)[0].message;
    world.tamper = (direction, bytes) => {
      const [record] = messages(world, direction, world.sent.length - 1);
      const isAnswer = direction === "down" && record?.message.messageId === messageId;
      return isAnswer ? undefined : bytes;
    };
    world.run(900_000);
    expect(world.stateOf(handle)).toBe(Status.Expired);
    expect(meter(world, Meter.Publishes)).toBe(0);
    expect(meter(world, Meter.Unconfirmed)).toBe(1);
    expect(meter(world, Meter.Repetitions)).toBeGreaterThanOrEqual(15);
    expect(world.cloud.operations.of(DEVICE_ID).publishes).toBe(1);
  });

  test("is stored every so many operations and goes on after a restart; a power cut loses no more", () => {
    const onBoot: WorldOptions["onBoot"] = (core) => {
      core.exports.meter_storage!(10);
      core.exports.queue_pacing!(1, 0);
    };
    const world = new QueueWorld({ onBoot });
    world.connectNow();
    for (let i = 0; i < 25; i++) {
      world.publish("n");
      world.run(100);
    }
    world.startDevice();
    expect(meter(world, Meter.Publishes)).toBe(20);
    world.connectNow();
    for (let i = 0; i < 5; i++) {
      world.publish("n");
      world.run(100);
    }
    // A planned end writes what is left.
    world.core.disconnect(0, 0, world.deviceNow);
    world.drain();
    world.startDevice();
    expect(meter(world, Meter.Publishes)).toBe(25);
    for (const wrong of [0, -1, 65_536]) {
      expect(world.core.exports.meter_storage!(wrong)).toBe(Status.InvalidArgument);
    }
  });
});

describe("ledger", () => {
  const book = (world: QueueWorld, cause: Cause): number[] =>
    [0, 1, 2, 3].map((field) => world.core.exports.ledger!(cause, field));
  const total = (world: QueueWorld): number[] =>
    Object.values(Cause)
      .filter((cause): cause is Cause => typeof cause === "number")
      .map((cause) => book(world, cause))
      .reduce((sum, row) => sum.map((value, i) => value + row[i]));

  test("every byte of the wire is in it, under its cause", async () => {
    const world = busy();
    world.connectNow();
    world.run(5000);
    const afterSetup = world.sent.length;
    expect(book(world, Cause.Handshake).slice(1)).toEqual([3, expect.any(Number), 3]);
    expect(book(world, Cause.Hello).slice(1)).toEqual([1, expect.any(Number), 1]);
    expect(book(world, Cause.Subscribe)[1]).toBe(2);
    expect(book(world, Cause.Describe)[1]).toBe(2);
    world.publish("temp", "x".repeat(20));
    world.run(1000);
    const { up, down } = world.count(afterSetup);
    expect(book(world, Cause.Publish)).toEqual([up, 1, down, 1]);
    world.run(25_000);
    expect(book(world, Cause.Keepalive).slice(1)).toEqual([1, 33, 1]);
    await world.settle(world.cloud.call(DEVICE_ID, "f"));
    world.cloud.publish("e");
    world.core.exports.request_time();
    world.drain();
    world.run(2000);
    expect(book(world, Cause.Call)[3]).toBeGreaterThanOrEqual(1);
    expect(book(world, Cause.Event)[1]).toBe(1);
    expect(book(world, Cause.Time)[1]).toBe(1);
    const { up: allUp, down: allDown, datagrams } = world.count();
    const [upBytes, upCount, downBytes, downCount] = total(world);
    expect([upBytes, downBytes, upCount + downCount]).toEqual([allUp, allDown, datagrams]);
    expect(meter(world, Meter.Bytes)).toBe(allUp + allDown + datagrams * HEADERS);
  });

  test("R50: taking up a session with nothing to say costs 200 bytes at most, under Resume", () => {
    const world = busy();
    world.connectNow();
    world.run(5000);
    world.startDevice();
    const from = world.sent.length;
    new Application(world)
      .function("f", () => 1)
      .variable("v", VariableType.Int, () => 7)
      .subscribe("e")
      .subscribe("e/x");
    world.connectNow();
    world.run(1000);
    const { up, down, datagrams } = world.count(from);
    expect(book(world, Cause.Resume)).toEqual([up, 1, down, 1]);
    expect(up + down + datagrams * HEADERS).toBeLessThanOrEqual(200);
  });

  test("R32: an event with a name of 8 and 48 bytes of data costs 200 bytes at most, with its ACK", () => {
    const world = busy();
    world.connectNow();
    world.run(5000);
    const from = world.sent.length;
    world.publish("n".repeat(8), "d".repeat(48));
    world.run(1000);
    const { up, down, datagrams } = world.count(from);
    expect(datagrams).toBe(2);
    expect(up + down + datagrams * HEADERS).toBeLessThanOrEqual(200);
    expect(world.core.exports.ledger!(Cause.Publish, LedgerField.UpBytes)).toBe(up);
    expect(world.core.exports.ledger!(99, 0)).toBe(0);
    expect(world.core.exports.ledger!(0, 4)).toBe(0);
  });
});

describe("budget", () => {
  const warnings = (world: QueueWorld): number[] =>
    world.events.flatMap((event) => (event.kind === EventKind.BudgetWarning ? event.percent : []));

  /** A connected device that may publish 100 times. */
  function limited(policy: BudgetPolicy): QueueWorld {
    const world = busy();
    world.connectNow();
    world.run(2000);
    expect(world.core.exports.budget!(100, 0, policy)).toBe(Status.Ok);
    return world;
  }

  function publishMany(world: QueueWorld, count: number, options = {}): number[] {
    return Array.from({ length: count }, () => {
      const handle = world.publish("n", "", options);
      world.run(100);
      return handle;
    });
  }

  test("R56: warns at 70, 90 and 100 percent, once each in a period", () => {
    const world = limited(BudgetPolicy.Warn);
    publishMany(world, 69);
    expect(warnings(world)).toEqual([]);
    publishMany(world, 1);
    expect(warnings(world)).toEqual([70]);
    publishMany(world, 50);
    expect(warnings(world)).toEqual([70, 90, 100]);
    expect(world.core.exports.meter_period!(5)).toBe(Status.Ok);
    expect(meter(world, Meter.Publishes)).toBe(120);
    expect(world.core.exports.meter_period!(6)).toBe(Status.Ok);
    expect(meter(world, Meter.Publishes)).toBe(0);
    publishMany(world, 70);
    expect(warnings(world)).toEqual([70, 90, 100, 70]);
    expect(world.core.exports.meter_period!(0)).toBe(Status.InvalidArgument);
  });

  test("R56: pause: not one publish above the budget; the next period goes on", () => {
    const world = limited(BudgetPolicy.Pause);
    world.core.exports.meter_period!(1);
    publishMany(world, 110, { coalesce: true, priority: "high" });
    expect(meter(world, Meter.Publishes)).toBe(100);
    expect(world.pending).toBe(1);
    world.run(1_000_000);
    expect(world.received).toHaveLength(100);
    world.core.exports.meter_period!(2);
    world.drain();
    world.run(1000);
    expect(world.received).toHaveLength(101);
  });

  test("R56: defer: low ones wait from 90 percent on, then all but high ones", () => {
    const world = limited(BudgetPolicy.Defer);
    publishMany(world, 90);
    const [low] = publishMany(world, 1, { priority: "low" });
    expect(world.stateOf(low)).toBe(QUEUED);
    publishMany(world, 10);
    const [normal] = publishMany(world, 1);
    const [high] = publishMany(world, 1, { priority: "high" });
    expect([low, normal, high].map((handle) => world.stateOf(handle))).toEqual([
      QUEUED,
      QUEUED,
      ACKNOWLEDGED,
    ]);
    expect(meter(world, Meter.Publishes)).toBe(101);
  });

  test("R56: drop: low ones are refused from 90 percent on, then all but high ones", () => {
    const world = limited(BudgetPolicy.DropLow);
    publishMany(world, 90);
    expect(world.refusal("n", "", { priority: "low" })).toBe(Status.OverBudget);
    publishMany(world, 10);
    expect(world.refusal("n")).toBe(Status.OverBudget);
    expect(world.refusal("n", "", { priority: "high" })).toBe(Status.Ok);
  });

  test("R56: coalesce: from 90 percent on the newest of a name replaces the one that waits", () => {
    const world = limited(BudgetPolicy.Coalesce);
    publishMany(world, 90);
    world.core.exports.link_down(world.deviceNow);
    const handles = Array.from({ length: 20 }, () => world.core.publish("n", ""));
    expect(world.pending).toBe(1);
    expect(handles.slice(0, -1).every((h) => world.stateOf(h) === Status.Replaced)).toBe(true);
  });

  test("bytes count, too", () => {
    const world = busy();
    world.connectNow();
    world.core.exports.budget!(0, 20_000, BudgetPolicy.Pause);
    for (let i = 0; i < 40; i++) {
      world.refusal("n", "x".repeat(1000));
      world.run(100);
    }
    expect(warnings(world)).toEqual([70, 90, 100]);
    expect(meter(world, Meter.Bytes)).toBeGreaterThan(20_000);
    expect(meter(world, Meter.Bytes)).toBeLessThan(20_000 + 2 * 1200);
  });

  test("R56: the plans, shared by devices", () => {
    const world = busy();
    world.connectNow();
    world.run(1000);
    expect(world.core.exports.budget_plan!(Plan.Free, 100, BudgetPolicy.Pause)).toBe(Status.Ok);
    // A hundredth of the free plan: 1000 operations.
    for (let i = 0; i < 1100; i++) {
      world.refusal("n", "", { coalesce: true });
      world.run(30);
    }
    expect(meter(world, Meter.Publishes)).toBe(1000);
    expect(world.core.exports.budget_plan!(Plan.Basic, 100, BudgetPolicy.Pause)).toBe(Status.Ok);
    world.drain();
    world.run(1000);
    expect(meter(world, Meter.Publishes)).toBe(1001);
    for (const [plan, devices] of [
      [3, 1],
      [Plan.Free, 0],
      [Plan.Free, 101],
    ]) {
      expect(world.core.exports.budget_plan!(plan, devices, 0)).toBe(Status.InvalidArgument);
    }
    expect(world.core.exports.budget!(1, 1, 5)).toBe(Status.InvalidArgument);
  });

  test("R56: a virtual month of a device that would use three times its share stays within it", () => {
    const world = busy();
    world.core.exports.budget!(720, 0, BudgetPolicy.Pause);
    world.core.exports.set_keepalive(0);
    world.connectNow();
    // Three an hour, where one is paid for.
    for (let hour = 0; hour < 30 * 24; hour++) {
      for (let i = 0; i < 3; i++) world.refusal("n", `${hour}`, { coalesce: true });
      world.run(3_600_000);
    }
    expect(world.cloud.operations.of(DEVICE_ID).publishes).toBe(720);
    expect(meter(world, Meter.Operations)).toBe(720);
  });

  test("the time of the cloud names the period: calendar months", () => {
    const months: number[] = [];
    const dates = [
      "1970-01-01",
      "1970-02-01",
      "2000-02-29",
      "2000-03-01",
      "2026-12-31",
      "2027-01-01",
    ];
    for (const date of dates) {
      const wallClock = (): number => Date.parse(`${date}T23:59:00Z`);
      const world = busy({ cloud: { wallClock } });
      world.connectNow();
      world.core.exports.request_time();
      world.drain();
      world.run(1000);
      months.push(meter(world, Meter.Period));
    }
    const expected = dates.map((date) => {
      const at = new Date(date);
      return (at.getUTCFullYear() - 1970) * 12 + at.getUTCMonth() + 1;
    });
    expect(months).toEqual(expected);
  });
});
