// Applications as modules of their own: the same sources as linked with the core, over the bridge.

import path from "node:path";

import { ConnectionState, EventKind, Status, VariableType } from "../../bindings/node";
import { BRIDGE } from "../../tools/application/bridge";
import { buildApplicationModule, figuresOf } from "../../tools/application/build";
import { decodeImage } from "../../tools/application/image";
import {
  APPLICATION_MODULES,
  applicationImage,
  applicationModule,
} from "../support/application-modules";
import { BridgeHost } from "../support/bridge-host";
import { projectRoot } from "../support/fixture";

const EXAMPLES = ["sensor", "led", "logger", "tracker"] as const;
const EXPORTS = [
  ...["app_abi", "app_buffer", "app_buffer_capacity", "app_clock", "app_event"],
  ...["loop", "memory", "setup"],
];

/** A host that runs a module since its setup(). */
async function started(name: Parameters<typeof applicationModule>[0]): Promise<BridgeHost> {
  const host = new BridgeHost(await applicationModule(name));
  host.setup();
  return host;
}

test.each(EXAMPLES)(
  "%s has the bridge's imports and exports, and nothing of the core",
  async (name) => {
    const image = await applicationImage(name, 1);
    const module = new WebAssembly.Module(Uint8Array.from(image));
    const imports = WebAssembly.Module.imports(module).map(
      ({ module, name }) => `${module}.${name}`,
    );
    expect(imports.filter((name) => !Object.hasOwn(BRIDGE, name))).toEqual([]);
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(exported.sort()).toEqual(EXPORTS);
    // The smallest part of the core that anything could bring along is larger.
    expect(image.length).toBeLessThan(5121);
  },
);

test("what no host gives to an application is refused while building", async () => {
  const source = path.join(projectRoot, APPLICATION_MODULES.imports);
  await expect(buildApplicationModule(source)).rejects.toThrow("imports hal.storage_read");
});

test("an application without objects has no memory for them", async () => {
  const module = await applicationModule("tracker");
  expect(figuresOf(module)!.wasm).toBeLessThan(1100);
  expect(decodeImage(await applicationImage("tracker", 1)).manifest.capabilities).toBe(9);
});

test("the sensor does over the bridge what it does with the core", async () => {
  const host = await started("sensor");
  expect(host.functions).toEqual(["interval"]);
  expect(host.variables).toEqual([`reading:${VariableType.Int}`]);
  expect(host.subscriptions).toEqual(["command:0"]);
  expect(host.calls).toEqual(["control 1 0 0"]);
  host.loop(120, 100);
  expect(host.published).toEqual([
    'temp {"tenths":207}',
    'temp {"tenths":214}',
    'temp {"tenths":221}',
  ]);
  expect(host.read("reading")!.readInt32LE()).toBe(221);
  expect(host.call("interval", "60")).toBe(60);
  expect(host.call("interval", "0")).toBe(-1);
  expect(host.call("nothing", "")).toBeUndefined();
  expect(host.read("nothing")).toBeUndefined();
  host.receive(0, "command/led", "an ß € 😀");
  expect(host.published.at(-1)).toBe("ack an ß € 😀");
  expect(host.log).toEqual(["interval is now 60 s", "received command/led: an ß € 😀"]);
  host.receive(0, "other", "not its own");
  expect(host.log).toHaveLength(2);
});

describe("every part of the interface", () => {
  let host: BridgeHost;

  beforeAll(async () => void (host = await started("features")));

  test("registers, subscribes and shares subscriptions", () => {
    expect(host.functions).toEqual(["publish", "assign", "board", "ask"]);
    const { Int, Bool, Double, String } = VariableType;
    const names = ["loops", "flag", "ratio", "long", "temperature", "count", "label"];
    const types = [Int, Bool, Double, String, Double, Int, String];
    expect(host.variables).toEqual(names.map((name, i) => `${name}:${types[i]}`));
    const [b, c] = ["b", "c"].map((letter) => letter.charCodeAt(0));
    expect(host.subscriptions).toEqual(["news:0", `news/raw:${b}`, `data:${c}`]);
    host.receive(0, "news/local", "x");
    expect(host.log.splice(0)).toEqual(["first news/local x", "second news/local x"]);
    host.receive(1, "news/raw", "AB");
    expect(host.log.splice(0)).toEqual(["bytes news/raw 2 65"]);
  });

  test("publishes", () => {
    host.call("publish", "text");
    host.call("publish", "json");
    host.call("publish", "noack");
    expect(host.published.splice(0)).toEqual(["text grüße", 'json {"a":1}', "noack "]);
    host.call("publish", "variant");
    expect(host.published.splice(0)[0]).toMatch(/^variant /);
  });

  test("reads variables of each type", () => {
    host.call("assign", "21.5");
    expect(host.read("temperature")!.readDoubleLE()).toBe(21.5);
    expect(host.read("label")!.toString()).toBe("label 21.5");
    expect(host.read("ratio")!.readDoubleLE()).toBe(0.25);
    expect(host.read("flag")).toEqual(Buffer.from([0]));
    // 1025 bytes are too many.
    expect(host.read("long")).toBeUndefined();
    expect(host.capacity).toBeGreaterThanOrEqual(1152);
  });

  test("asks and tells the host", () => {
    host.calls.length = 0;
    host.call("ask", "time");
    host.call("ask", "sleep");
    host.call("ask", "vitals");
    expect(host.calls.splice(0)).toEqual(["control 4 0 0", "control 6 3600 1", "control 5 0 0"]);
    host.values.set(2, 622).set(64 + 4, 99);
    expect(host.call("ask", "sizes")).toBe(622 + 1024);
    expect(host.call("ask", "operations")).toBe(99);
    host.call("ask", "id");
    expect(host.log.splice(0)).toEqual([`${"ab".repeat(12)} ${"ab".repeat(12)}`]);
    // Vitals at an interval of 60 s, from app_clock.
    host.loop(2, 61_000);
    expect(host.calls.splice(0)).toEqual(["control 5 0 0", "control 5 0 0"]);
    expect(host.call("board", "pin")).toBe(Status.NotSupported);
  });

  test("hears events of the system", () => {
    host.log.length = 0;
    host.event(EventKind.Connection, ConnectionState.Connected);
    host.event(EventKind.Time, 1795000000);
    host.event(EventKind.PublishDone, 5, Status.Ok);
    expect(host.log.splice(0)).toEqual(["connected", "time 1795000000", "published 0 0"]);
    expect(host.call("ask", "done")).toBe(1);
    expect(host.event(EventKind.Flushed)).toBe(0);
  });
});

test("an application hears of updates, and says what it wants", async () => {
  const host = await started("well");
  host.values.set(6, 42);
  expect(host.read("version")!.readInt32LE()).toBe(42);
  host.calls.length = 0;
  for (const word of ["hold", "confirm", "apply"]) host.call("ask", word);
  expect(host.calls).toEqual(["update 2 0", "update 3 0", "update 4 0"]);
});

test("objects last as long as they are held, and no longer", async () => {
  // The compiler's own runtime says what is right.
  const [small, minimal] = await Promise.all(
    (["small", "minimal"] as const).map(
      async (runtime) => new BridgeHost(await applicationModule("memory", { runtime })),
    ),
  );
  for (const host of [small, minimal]) {
    host.setup();
    host.loop(3000);
    expect(Buffer.from(host.read("cell")!).toString()).toBe("turn 3000");
  }
  expect(small.log).toHaveLength(30);
  expect(small.log).toEqual(minimal.log);
  // Fuel is what a loop may cost: no dearer than the compiler's own.
  expect(small.fuel / minimal.fuel).toBeLessThan(1.5);
});

test("a small memory is enough, and its end is one", async () => {
  const host = new BridgeHost(await applicationModule("sensor", { memory: 6144 }));
  host.setup();
  host.loop(5000, 5000);
  expect(host.published).toHaveLength(5000);
  const full = new BridgeHost(await applicationModule("memory", { memory: 6144 }));
  expect(() => full.setup()).toThrow(WebAssembly.RuntimeError);
});
