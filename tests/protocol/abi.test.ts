// The interface between core and host: numbers, exports, imports, and what stays in memory.

import { readFileSync } from "node:fs";
import path from "node:path";

import * as abi from "../../bindings/node/abi";
import { ConnectionState } from "../../bindings/node";
import { generateKeyPair } from "../../cloud/keys";
import { Application } from "../support/application";
import { projectRoot } from "../support/fixture";
import { DEVICE_ID, World, coreModule } from "../support/world";

const source = (name: string): string => readFileSync(path.join(projectRoot, name), "utf8");

/** The members of an enum as its source text gives them. */
function enumOf(file: string, name: string): Record<string, number> {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(source(file))?.[1];
  if (!body) throw new Error(`no enum ${name} in ${file}`);
  const members = body.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "").matchAll(/(\w+) = (-?\w+),/g);
  return Object.fromEntries([...members].map(([, member, value]) => [member, Number(value)]));
}

/** The members of an enum of the binding. */
function members(list: object): Record<string, number> {
  const entries = Object.entries(list).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(entries as [string, number][]);
}

describe("numbers of the binding are those of the core", () => {
  test.each([
    ["EventKind", "assembly/events.ts", abi.EventKind],
    ["ConnectionState", "assembly/events.ts", abi.ConnectionState],
    ["Reason", "assembly/events.ts", abi.Reason],
    ["Status", "assembly/status.ts", abi.Status],
    ["StorageSlot", "assembly/hal.ts", abi.StorageSlot],
    ["ImageArea", "assembly/hal.ts", abi.ImageArea],
    ["VariableType", "assembly/cloud/protocol.ts", abi.VariableType],
    ["SubscriptionContent", "assembly/cloud/protocol.ts", abi.SubscriptionContent],
    ["Statistic", "assembly/index.ts", abi.Statistic],
    ["FullPolicy", "assembly/queue/numbers.ts", abi.FullPolicy],
    ["Meter", "assembly/meter/numbers.ts", abi.Meter],
    ["Cause", "assembly/meter/ledger.ts", abi.Cause],
    ["LedgerField", "assembly/meter/ledger.ts", abi.LedgerField],
    ["Diagnosis", "assembly/queue/numbers.ts", abi.Diagnosis],
    ["BudgetPolicy", "assembly/meter/numbers.ts", abi.BudgetPolicy],
    ["BoardFunction", "assembly/app/board.ts", abi.BoardFunction],
    ["UpdateInfo", "assembly/application/exports.ts", abi.UpdateInfo],
    ["UpdateState", "assembly/application/exports.ts", abi.UpdateState],
    ["Capability", "tools/application/bridge.ts", abi.Capability],
  ])("%s", (name, file, list) => {
    const core = enumOf(file, name);
    expect(Object.keys(core).length).toBeGreaterThan(2);
    expect(members(list)).toEqual(core);
  });

  test("PublishOption and Plan", () => {
    const options = enumOf("assembly/queue/numbers.ts", "PublishOption");
    expect(options).toMatchObject(members(abi.PublishOption));
    expect(enumOf("assembly/meter/numbers.ts", "Plan")).toEqual(members(abi.Plan));
  });

  test("ContentFormat, as far as the binding names them", () => {
    const core = enumOf("assembly/cloud/protocol.ts", "ContentFormat");
    expect(core).toMatchObject(members(abi.ContentFormat));
  });
});

test("the module exports what CoreExports says", () => {
  const body =
    /interface CoreExports \{([^]*?)\n\}/.exec(source("bindings/node/abi.ts"))?.[1] ?? "";
  const declared = body.replace(/\/\*\*[^]*?\*\//g, "").matchAll(/^ {2}(\w+)(\??)[(:]/gm);
  const required = [...declared].flatMap(([, name, optional]) => (optional ? [] : name));
  const exported = WebAssembly.Module.exports(coreModule()).map(({ name }) => name);
  expect(exported.sort()).toEqual(required.sort());
});

test("the module imports functions of hal.ts and nothing else", () => {
  const declared = [...source("assembly/hal.ts").matchAll(/@external\("(\w+)", "(\w+)"\)/g)];
  expect(declared.map(([, module, name]) => `${module}.${name}`)).toEqual([
    "hal.random_fill",
    "hal.storage_read",
    "hal.storage_write",
    "hal.image_erase",
    "hal.image_write",
    "hal.image_read",
    "hal.log",
  ]);
  const imports = WebAssembly.Module.imports(coreModule());
  const names = declared.map(([, , name]) => name);
  expect(imports.length).toBeGreaterThanOrEqual(3);
  for (const { module, name, kind } of imports) {
    expect({ module, kind }).toEqual({ module: "hal", kind: "function" });
    expect(names).toContain(name);
  }
});

test("memory stays what it is over 10,000 operations", () => {
  const world = new World();
  const application = new Application(world).function("f", () => 1).subscribe("n");
  world.connectNow();
  const { buffer } = world.core.exports.memory;
  const { byteLength } = buffer;
  for (let i = 0; i < 2500; i++) {
    application.publish("up", "x".repeat(i % 1000));
    world.cloud.publish("n", "y".repeat(i % 1000));
    world.cloud.call(DEVICE_ID, "f", `${i}`).catch(() => {});
    if (i % 100 === 0) world.core.exports.link_down(world.deviceNow);
    world.run(i % 100 === 0 ? 3000 : 150);
  }
  expect(application.received.length).toBeGreaterThan(2400);
  expect(application.calls.length).toBeGreaterThan(2400);
  expect(world.core.exports.memory.buffer).toBe(buffer);
  expect(buffer.byteLength).toBe(byteLength);
  expect(byteLength).toBe(65_536);
});

describe("secrets", () => {
  /** Pieces of 8 bytes by which a 256-bit number is found, however the core may hold it. */
  function traces(bytes: Uint8Array): Buffer[] {
    const big = Buffer.from(bytes);
    const little = Buffer.from(big).reverse();
    const number = BigInt(`0x${big.toString("hex")}`);
    const limbs = (value: bigint): Buffer => {
      const words = Buffer.alloc(36);
      for (let i = 0; i < 9; i++) {
        words.writeUInt32LE(Number((value >> BigInt(29 * i)) & 0x1fffffffn), 4 * i);
      }
      return words;
    };
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const montgomery = (number << 261n) % order;
    return [big, little, limbs(number), limbs(montgomery)].flatMap((form) =>
      Array.from({ length: form.length - 8 + 1 }, (_, at) => form.subarray(at, at + 8)),
    );
  }

  /** Whether any trace of a secret is in the core's memory. */
  function holds(world: World, secret: Uint8Array): boolean {
    const memory = Buffer.from(world.core.exports.memory.buffer);
    return traces(secret).some((trace) => memory.includes(trace));
  }

  const privateKey = (world: World): Buffer =>
    Buffer.from(world.deviceKey.privateKey.export({ format: "jwk" }).d as string, "base64url");

  test("are found by the search when they are there", () => {
    const world = new World();
    const secret = privateKey(world);
    expect(holds(world, secret)).toBe(false);
    new Uint8Array(world.core.exports.memory.buffer, 40_000).set(secret.subarray(3, 20));
    expect(holds(world, secret)).toBe(true);
  });

  test("the device's private key is not in memory between two inputs of a handshake, or after it", () => {
    const world = new World();
    const secret = privateKey(world);
    world.connect();
    while (world.state !== ConnectionState.Connected) {
      expect(holds(world, secret)).toBe(false);
      world.step(world.now + 1000);
    }
    world.run(60_000);
    expect(holds(world, secret)).toBe(false);
    world.startDevice();
    expect(holds(world, secret)).toBe(false);
    world.connectNow();
    expect(holds(world, secret)).toBe(false);
  });

  test("nor after a handshake that failed, early or late", () => {
    const early = new World({ pinnedKey: generateKeyPair().spki });
    early.connect();
    early.run(500);
    expect(holds(early, privateKey(early))).toBe(false);
    const late = new World({ registered: false });
    late.connect();
    late.run(500);
    expect(holds(late, privateKey(late))).toBe(false);
    const unanswered = new World();
    unanswered.tamper = (direction, bytes) =>
      direction === "up" && bytes.length > 300 ? undefined : bytes;
    unanswered.connect();
    unanswered.run(250_000);
    expect(holds(unanswered, privateKey(unanswered))).toBe(false);
  });

  test("random numbers of a handshake are gone once it is done", () => {
    const drawn: Uint8Array[] = [];
    const device = {
      random: (buffer: Uint8Array) => {
        buffer.set(world.random.bytes(buffer.length));
        if (buffer.length === 32) drawn.push(buffer.slice());
      },
    };
    const options: { device?: typeof device } = {};
    const world: World = new World(options);
    options.device = device;
    world.startDevice();
    world.connectNow();
    // Client random, ephemeral key, and what the signature mixes in.
    expect(drawn.length).toBeGreaterThanOrEqual(2);
    for (const number of drawn) expect(holds(world, number)).toBe(false);
  });

  test("the keys of a session leave memory when it is left", () => {
    const world = new World();
    world.connectNow();
    world.run(1000);
    const memory = (): Buffer => Buffer.from(world.core.exports.memory.buffer);
    const keys = Object.values(world.session!["keys"]).filter(({ length }) => length === 16);
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(memory().includes(key)).toBe(true);
    world.core.disconnect(0, 0, world.deviceNow);
    world.drain();
    for (const key of keys) {
      for (let at = 0; at <= 8; at++)
        expect(memory().includes(key.subarray(at, at + 8))).toBe(false);
    }
  });

  test("are never logged", () => {
    const world = new World({ loss: 0.2, duplication: 0.2, maxDelay: 300 });
    world.connectNow(600_000);
    world.run(100_000);
    const secret = privateKey(world);
    const log = world.deviceLog.join("\n");
    for (const encoding of ["hex", "base64", "latin1"] as const) {
      expect(log).not.toContain(secret.toString(encoding));
    }
  });
});
