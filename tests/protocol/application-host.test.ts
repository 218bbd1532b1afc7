// The host of application modules in Node: what an application may do over the bridge, what becomes of
// one that does wrong, and that the core's memory is never its own. The core's life cycle is a double.

import { createHash } from "node:crypto";

import { ApplicationHost, Capability, EventKind, Status } from "../../bindings/node";
import { applicationText, data } from "../support/application-text";
import { assemble } from "../support/assemble";
import { ApplicationWorld } from "../support/application-world";
import { LifecycleDouble, runAlone } from "../support/lifecycle-double";
import type { ApplicationWorldOptions } from "../support/application-world";
import { DEVICE_ID } from "../support/world";

const call = (name: string, ...values: (number | string)[]): string =>
  `(call $${name} ${values.map((v) => (typeof v === "number" ? `(i32.const ${v})` : v)).join(" ")})`;
const ignored = (...parts: Parameters<typeof call>): string => `(drop ${call(...parts)})`;
/** Publish "name" (4096...) with the data behind it, acknowledged, as long as it takes. */
const publish = (name = 4, length = 4): string =>
  call("publish", 4096, name, 4100, length, 0, -1, 1);

const RECURSE = "(func $deeper (call $fuel) (call $deeper))";
const FOR_EVER = `(loop $again ${call("fuel")} (br $again))`;

const MODULES = assemble({
  harmless: applicationText(),
  offers: applicationText({
    imports: ["register_function", "register_variable", "subscribe", "publish"],
    setup: `${ignored("register_function", 4096, 4)} ${ignored("register_variable", 4100, 4, 2)}
      ${ignored("subscribe", 4100, 4, 0)}`,
    // A function answers ten times its argument's length; an event is published with its own data.
    event: `
      (if (i32.eq (local.get $kind) (i32.const 6)) (then
        (i32.store (i32.const 1024) (i32.mul (local.get $b) (i32.const 10))) (return (local.get $a))))
      (if (i32.eq (local.get $kind) (i32.const 7)) (then
        (i32.store (i32.const 1024) (i32.const -42)) (return (i32.const 4))))
      (if (i32.eq (local.get $kind) (i32.const 5)) (then
        ${ignored("publish", 4096, 4, "(i32.add (i32.const 1024) (local.get $b))", "(local.get $c)", 0, -1, 1)}))
      (i32.const 0)`,
    after: data(4096, "echodata"),
  }),
  publishes: applicationText({
    imports: ["publish"],
    setup: `(drop ${publish()})`,
    after: data(4096, "namedata"),
  }),
  reads: applicationText({
    imports: ["get", "device_id", "log", "update"],
    setup: `(i32.store (i32.const 4096) ${call("get", 2)}) (i32.store (i32.const 4100) ${call("get", 6)})
      (i32.store (i32.const 4104) ${call("get", 63)}) ${ignored("device_id", 4108)}
      ${call("log", 30, 4200, 6)} ${ignored("update", 3, 0)}`,
    after: data(4200, "a line"),
  }),
  traps: applicationText({ setup: "(unreachable)" }),
  divides: applicationText({ loop: "(drop (i32.div_s (i32.const 1) (i32.const 0)))" }),
  recurses: applicationText({ imports: ["fuel"], setup: "(call $deeper)", after: RECURSE }),
  recursesOverTheBridge: applicationText({
    imports: ["queue"],
    setup: "(call $deeper)",
    after: `(func $deeper ${ignored("queue", 3, 0, 0)} (call $deeper))`,
  }),
  unmetered: applicationText({
    setup: "(call $deeper)",
    after: "(func $deeper (call $deeper) (call $deeper))",
  }),
  endless: applicationText({ imports: ["fuel"], loop: FOR_EVER }),
  slow: applicationText({
    imports: ["fuel"],
    loop: `(local $i i32) (loop $again ${call("fuel")}
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 39000))))`,
  }),
  endlessAbi: applicationText({
    imports: ["fuel"],
    bodies: { app_abi: `${FOR_EVER} (i32.const 1)` },
  }),
  floods: applicationText({
    imports: ["publish"],
    loop: `(drop ${publish()}) (drop ${publish()})`,
    after: data(4096, "namedata"),
  }),
  reaches: applicationText({
    imports: ["publish", "random", "device_id", "log", "register_function"],
    event: "(i32.const 0)",
    setup: call("log", 30, 65535, 2),
  }),
  reachesRandom: applicationText({ imports: ["random"], setup: ignored("random", -4, 8) }),
  reachesId: applicationText({ imports: ["device_id"], setup: ignored("device_id", 65530) }),
  reachesName: applicationText({
    imports: ["register_function"],
    setup: ignored("register_function", 0, -1),
  }),
  reachesPublish: applicationText({
    imports: ["publish"],
    setup: ignored("publish", 65536, 1, 0, 0, 0, -1, 1),
  }),
  grows: applicationText({
    loop: "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))",
  }),
  large: applicationText({ memory: '(memory (export "memory") 17)' }),
  unknownImport: applicationText({ before: '(import "hal" "storage_read" (func (param i32)))' }),
  importsMemory: applicationText({
    before: '(import "wboson" "memory" (memory 1))',
    memory: "",
  }),
  startSection: applicationText({ after: "(func $begin unreachable) (start $begin)" }),
  withoutMemory: applicationText({ memory: "(memory 1)" }),
  smallBuffer: applicationText({ bodies: { app_buffer_capacity: "(i32.const 1151)" } }),
  farBuffer: applicationText({ bodies: { app_buffer: "(i32.const 65000)" } }),
  otherBridge: applicationText({ bodies: { app_abi: "(i32.const 2)" } }),
  otherTypes: applicationText({
    before: '(import "wboson" "get" (func $get64 (param i64) (result i64)))',
    setup: "(drop (call $get64 (i64.const 1)))",
  }),
  withoutSetup: `(module (memory (export "memory") 1))`,
  confused: applicationText({
    imports: ["register_function", "register_variable"],
    setup: `${ignored("register_function", 4096, 4)} ${ignored("register_variable", 4100, 4, 4)}`,
    event: `(if (i32.eq (local.get $kind) (i32.const 6)) (then unreachable))
      (i32.const 0x7fffffff)`,
    after: data(4096, "echodata"),
  }),
});

type Name = keyof typeof MODULES;

function worldOf(options: ApplicationWorldOptions = {}): ApplicationWorld {
  const world = new ApplicationWorld(options);
  world.deviceLog.length = 0;
  return world;
}

/** Bytes of the core that are neither the buffer for arguments nor changed by time. */
function hashOf(world: ApplicationWorld): string {
  const { core } = world;
  const memory = Buffer.from(core.exports.memory.buffer.slice(0));
  memory.fill(0, core.argument.byteOffset, core.argument.byteOffset + core.argument.length);
  return createHash("sha256").update(memory).digest("hex");
}

describe("an application over the bridge", () => {
  const world = worldOf();
  const program: string[] = [];

  test("offers functions, variables and subscriptions behind those of the program", async () => {
    world.core.registerFunction("programs", world.deviceNow);
    runAlone(world, MODULES.offers);
    world.connectNow();
    const answer = await world.settle(world.cloud.call(DEVICE_ID, "echo", "abc"));
    expect(answer).toBe(30);
    const value = await world.settle(world.cloud.read(DEVICE_ID, "data"));
    expect(value).toBe(-42);
  });

  test("leaves to the program what is the program's", async () => {
    const inner = world.onEvent;
    world.onEvent = (event) => {
      inner(event);
      if (event.kind !== EventKind.FunctionCall || event.number !== 0) return;
      program.push(event.argument);
      world.core.exports.function_result(event.call, 7);
    };
    const answer = await world.settle(world.cloud.call(DEVICE_ID, "programs", "x"));
    expect(answer).toBe(7);
    expect(program).toEqual(["x"]);
  });

  test("gets the events that it subscribed to", () => {
    world.cloud.publish("data/one", Buffer.from("payload"));
    world.run(5_000);
    expect(world.received.map(({ name, data }) => [name, data.toString()])).toEqual([
      ["echo", "payload"],
    ]);
  });

  test("reads numbers and the device id, logs, and says that it is well", () => {
    const other = worldOf();
    const lines: [number, string][] = [];
    other.core.options.log = (level, text) => lines.push([level, text]);
    const double = runAlone(other, MODULES.reads);
    const read = Buffer.from(other.host!["application"]!.memory.view(4096, 24));
    expect(read.readInt32LE(0)).toBe(other.core.exports.max_event_data!());
    expect(read.readInt32LE(4)).toBe(1);
    expect(read.readInt32LE(8)).toBe(Status.NotFound);
    expect(read.subarray(12).toString("hex")).toBe(DEVICE_ID);
    expect(lines).toEqual([[30, "a line"]]);
    expect(double.calls).toEqual(["begin", "healthy"]);
  });
});

describe("an application that does wrong is stopped, and nothing else", () => {
  /** Live for `ms` with an application; @returns what the core was told */
  function faultsOf(name: Name, ms = 2_000, options: ApplicationWorldOptions = {}): Status[] {
    const world = worldOf(options);
    const double = runAlone(world, MODULES[name]);
    world.run(ms);
    return double.faults;
  }

  test.each<[Name, Status]>([
    ["traps", Status.ApplicationTrap],
    ["divides", Status.ApplicationTrap],
    ["unmetered", Status.ApplicationTrap],
    ["endless", Status.ApplicationTime],
    ["floods", Status.ApplicationFlood],
    ["reaches", Status.ApplicationTrap],
    ["reachesRandom", Status.ApplicationTrap],
    ["reachesId", Status.ApplicationTrap],
    ["reachesName", Status.ApplicationTrap],
    ["reachesPublish", Status.ApplicationTrap],
    ["grows", Status.ApplicationTrap],
    ["otherTypes", Status.ApplicationTrap],
    ["endlessAbi", Status.ApplicationTime],
    ["large", Status.ApplicationInvalid],
    ["unknownImport", Status.ApplicationInvalid],
    ["importsMemory", Status.ApplicationInvalid],
    ["startSection", Status.ApplicationInvalid],
    ["withoutMemory", Status.ApplicationInvalid],
    ["smallBuffer", Status.ApplicationInvalid],
    ["farBuffer", Status.ApplicationInvalid],
    ["otherBridge", Status.ApplicationInvalid],
    ["withoutSetup", Status.ApplicationInvalid],
  ])("%s", (name, status) => {
    expect(faultsOf(name)).toEqual([status]);
  });

  test("one that does nothing is left alone", () => {
    expect(faultsOf("harmless")).toEqual([]);
  });

  test("deep recursion ends by steps or by the stack", () => {
    const [status] = faultsOf("recurses");
    expect([Status.ApplicationTrap, Status.ApplicationTime]).toContain(status);
  });

  test("bytes that are no module, or end too early", () => {
    const whole = MODULES.harmless;
    for (const bytes of [Buffer.from("no"), whole.subarray(0, whole.length - 3), Buffer.alloc(9)]) {
      const world = worldOf();
      expect(runAlone(world, bytes).faults).toEqual([Status.ApplicationInvalid]);
    }
  });

  test("an import that the manifest does not grant", () => {
    const world = worldOf();
    const double = new LifecycleDouble(world.core).install(MODULES.publishes);
    double.capabilities = Capability.Random | Capability.Connection;
    world.core.options.log = (_level, text) => world.deviceLog.push(text);
    world.startApplication();
    expect(double.faults).toEqual([Status.ApplicationInvalid]);
    expect(world.deviceLog.join()).toContain("wboson.publish");
    expect(world.pending).toBe(0);
  });

  test("by the clock when its steps are slow, by its steps when they are fast", () => {
    const slow = worldOf({ stepMs: 1 });
    runAlone(slow, MODULES.endless);
    const began = slow.now;
    slow.run(1);
    expect(slow.now - began).toBeLessThanOrEqual(64 + 1);
    const fast = worldOf({ stepMs: 0, limits: { steps: 100 } });
    expect(runAlone(fast, MODULES.endless).faults).toEqual([]);
    fast.run(20);
    expect(fast.host!.hasApplication).toBe(false);
  });

  test("a call that it does not answer is refused, and it is told on", async () => {
    const world = worldOf();
    const double = runAlone(world, MODULES.confused);
    world.connectNow();
    // A length beyond its buffer is no value; that alone is no fault.
    await expect(world.settle(world.cloud.read(DEVICE_ID, "data"))).rejects.toThrow();
    expect(double.faults).toEqual([]);
    await expect(world.settle(world.cloud.call(DEVICE_ID, "echo", ""))).rejects.toThrow();
    expect(double.faults).toEqual([Status.ApplicationTrap]);
    await world.settle(world.cloud.ping(DEVICE_ID));
  });
});

describe("the core beside a hostile application", () => {
  test("has its timers late by one call at most, however long each call takes", () => {
    const world = worldOf({ minDelay: 40 });
    // 39 of 40 ms in each loop(): no fault.
    const double = runAlone(world, MODULES.slow);
    world.core.exports.set_keepalive(1_000);
    world.connectNow();
    world.run(30_000);
    expect(double.faults).toEqual([]);
    expect(world.lateness).toBeGreaterThan(0);
    expect(world.lateness).toBeLessThanOrEqual(40);
  });

  test("reads and keeps its memory: nothing but its buffer for arguments changes", () => {
    for (const name of [
      "reaches",
      "reachesRandom",
      "reachesName",
      "recurses",
      "endless",
    ] as const) {
      const world = worldOf();
      const double = new LifecycleDouble(world.core).install(MODULES[name]);
      const before = hashOf(world);
      world.host = new ApplicationHost(world.core);
      world.host.open(0);
      world.host.start(0);
      world.host.turn(20);
      expect([name, double.faults.length]).toEqual([name, 1]);
      expect([name, hashOf(world)]).toEqual([name, before]);
    }
  });

  test("is never entered without stack for all of its work", () => {
    const world = worldOf({ limits: { steps: 1_000_000, milliseconds: 1e9 } });
    const double = new LifecycleDouble(world.core).install(MODULES.recursesOverTheBridge);
    let entered = 0;
    let cut = 0;
    const work = new Array<number>(8_000).fill(0);
    const queue_policy = (): number => {
      entered += 1;
      try {
        // 64 KB of stack.
        Reflect.apply(Number, undefined, work);
      } catch {
        cut += 1;
      }
      return Status.Ok;
    };
    Object.assign(world.core.exports, { queue_policy });
    world.startApplication();
    expect(double.faults).toEqual([Status.ApplicationTrap]);
    expect(entered).toBeGreaterThan(100);
    expect(cut).toBe(0);
  });
});

describe("loading", () => {
  test("verifies before anything runs, and takes what the core falls back to", () => {
    const world = worldOf();
    const double = new LifecycleDouble(world.core).install(MODULES.traps, 0);
    double.verified = Status.UpdateHash;
    const good = MODULES.publishes;
    const verify = world.core.exports.application_verify!;
    Object.assign(world.core.exports, {
      application_verify: () => {
        const status = verify();
        if (status !== (Status.UpdateHash as number)) return status;
        double.install(good, 1).verified = Status.Ok;
        return status;
      },
    });
    world.startApplication();
    expect(double.faults).toEqual([]);
    expect(double.calls).toEqual(["begin"]);
    expect(world.pending).toBe(1);
  });

  test("a change stops one application and starts the other; -1 only stops", () => {
    const world = worldOf();
    const double = runAlone(world, MODULES.harmless);
    const change = (area: number): void => {
      const kind = EventKind.ApplicationChange;
      world.host!.handleEvent({ kind, area, length: 0, status: Status.Ok, version: 2 });
      world.drain();
      world.run(50);
    };
    double.install(MODULES.publishes, 1);
    change(1);
    expect(world.pending).toBe(1);
    expect(double.calls).toEqual(["begin", "begin"]);
    change(-1);
    expect(world.host!.hasApplication).toBe(false);
    expect(world.host!.timeout(world.deviceNow)).toBe(-1);
  });
});
