// Application modules beside a core on WASM3: what the bridge passes on, and what becomes of modules that
// mean harm. The core is a played one that takes anything for an application; its memory is compared.

import { readFileSync } from "node:fs";
import path from "node:path";

import { Status } from "../../bindings/node";
import { decodeImage } from "../../tools/application/image";
import { hostileApplications } from "../support/hostile-applications";
import type { HostileApplication } from "../support/hostile-applications";
import { nativeTest } from "../support/native-build";
import { ApplicationHost } from "./applications";
import type { Ending, Module } from "./applications";

const nativeOnly = nativeTest("application");
const host = new ApplicationHost();
afterAll(() => host.remove());

const readModule = (folder: string, name: string): Buffer =>
  readFileSync(path.join(folder, `${name}.wasm`));

const parameters = (count: number): string => "(param i32) ".repeat(count);

/** Import of the bridge as `$name`. */
function bridge(name: string, count: number, hasResult = true): string {
  const result = hasResult ? "(result i32)" : "";
  return `(import "wboson" "${name}" (func $${name} ${parameters(count)} ${result}))`;
}

interface Shape {
  imports?: string;
  setup?: string;
  loop?: string;
  event?: string;
  extra?: string;
}

/** An application that does nothing but what it is told. */
function application({ imports = "", setup = "", loop = "", event, extra = "" }: Shape): string {
  return `(module ${imports} (memory (export "memory") 1 1)
    (func (export "app_abi") (result i32) (i32.const 1))
    (func (export "app_buffer") (result i32) (i32.const 1024))
    (func (export "app_buffer_capacity") (result i32) (i32.const 1152))
    (func (export "app_clock") (param i32))
    (func (export "setup") ${setup}) (func (export "loop") ${loop})
    (func (export "app_event") ${parameters(5)} (result i32) ${event ?? "(i32.const 0)"}) ${extra})`;
}

/** Traps unless a call answers a value. */
const expectValue = (call: string, value: number): string =>
  `(if (i32.ne ${call} (i32.const ${value})) (then (unreachable)))`;

describe("an application beside the core", () => {
  nativeOnly("publishes, registers, reads figures over the bridge", async () => {
    const zero = "(i32.const 0) ";
    const get = (number: number, value: number): string =>
      expectValue(`(call $get (i32.const ${number}))`, value);
    const texts = {
      nothing: application({}),
      publish: application({
        imports: bridge("publish", 7),
        setup: expectValue(`(call $publish ${zero.repeat(7)})`, 1),
      }),
      registers: application({
        imports:
          bridge("register_function", 2) + bridge("register_variable", 3) + bridge("subscribe", 3),
        setup:
          expectValue(`(call $register_function ${zero.repeat(2)})`, 0) +
          expectValue(`(call $register_variable ${zero.repeat(3)})`, 0) +
          expectValue(`(call $subscribe ${zero.repeat(3)})`, 0),
      }),
      figures: application({
        imports: bridge("get", 1),
        setup: [get(1, 0), get(2, 864), get(3, 3), get(4, 1), get(5, 6), get(6, 7), get(7, 3)].join(
          "",
        ),
      }),
      control: application({
        imports: bridge("control", 3) + bridge("queue", 3) + bridge("update", 2),
        setup:
          expectValue(`(call $control (i32.const 1) ${zero.repeat(2)})`, 0) +
          expectValue(`(call $control (i32.const 99) ${zero.repeat(2)})`, Status.NotFound) +
          expectValue(`(call $queue (i32.const 1) ${zero.repeat(2)})`, 1) +
          expectValue(`(call $queue (i32.const 0) ${zero.repeat(2)})`, Status.NotFound) +
          expectValue(`(call $update (i32.const 3) ${zero})`, 0) +
          expectValue(`(call $update (i32.const 5) ${zero})`, Status.NotFound),
      }),
      random: application({
        imports: bridge("random", 2) + bridge("device_id", 1),
        setup:
          expectValue("(call $random (i32.const 65504) (i32.const 32))", 32) +
          "(if (i64.eqz (i64.load (i32.const 65504))) (then (unreachable)))" +
          expectValue("(call $device_id (i32.const 65524))", 12),
      }),
    };
    const endings = await host.run("bridge", texts);
    const runs = { state: "runs", fault: "Ok" };
    expect(endings).toMatchObject({
      nothing: { ...runs, calls: 0 },
      publish: { ...runs, calls: 1 },
      registers: { ...runs, calls: 3 },
      figures: runs,
      control: { ...runs, calls: 1 },
      random: runs,
    });
  });

  nativeOnly("may only what its manifest grants", async () => {
    const needs: [string, number, number][] = [
      ["publish", 7, 1],
      ["queue", 3, 1],
      ["subscribe", 3, 2],
      ["register_function", 2, 4],
      ["register_variable", 3, 4],
      ["control", 3, 8],
      ["random", 2, 32],
    ];
    const texts = Object.fromEntries(
      needs.map(([name, count]) => [name, application({ imports: bridge(name, count) })]),
    );
    texts.board = application({
      imports: `(import "board" "call" (func ${parameters(5)} (result i32)))`,
    });
    const folder = host.assemble("capabilities", texts);
    const granting = (name: string, capabilities: number): Module => ({
      bytes: readModule(folder, name),
      capabilities,
    });
    const modules: Record<string, Module> = { "board-16": granting("board", 16) };
    const others: Record<string, Module> = { "board-47": granting("board", 47) };
    for (const [name, , capability] of needs) {
      modules[`${name}-${capability}`] = granting(name, capability);
      others[`${name}-${63 - capability}`] = granting(name, 63 - capability);
    }
    const granted = await host.run("granted", {}, modules);
    for (const ending of Object.values(granted)) expect(ending).toMatchObject({ state: "runs" });
    const refused = await host.run("refused", {}, others);
    for (const ending of Object.values(refused)) {
      expect(ending).toMatchObject({ state: "stopped", fault: "ApplicationInvalid", calls: 0 });
    }
  });

  nativeOnly("takes memory and stack to their limits, and no further", async () => {
    const texts = {
      // Each level of recursion takes C stack on the way down, and the core is called at the bottom.
      nested: application({
        imports: bridge("get", 1),
        setup: "(drop (call $down (i32.const 60)))",
        extra: `(func $down (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
            (else (call $get (i32.const 1)))))`,
      }),
      grow: application({
        setup: expectValue("(memory.grow (i32.const 1))", -1),
      }),
      "unmetered-recursion": application({
        setup: "(call $deep)",
        extra: "(func $deep (call $deep))",
      }),
    };
    expect(await host.run("limits", texts)).toMatchObject({
      nested: { state: "runs" },
      grow: { state: "runs" },
      "unmetered-recursion": { state: "stopped", fault: "ApplicationTrap" },
    });
  });
});

describe("an application that means harm", () => {
  const all = hostileApplications();

  /** Endings that are right. The played core refuses nothing, so what the core would is the host's. */
  function isRight({ outcomes }: HostileApplication, { state, fault }: Ending): boolean {
    if (outcomes.some((outcome) => outcome === "runs")) return true;
    const stopped = outcomes.flatMap((outcome) =>
      typeof outcome === "object" && "stopped" in outcome ? [Status[outcome.stopped]] : [],
    );
    return stopped.length === 0 || (state === "stopped" && stopped.includes(fault));
  }

  /** A loop without fuel is the core's to refuse: no host can stop it. */
  const isEndless = ({ outcomes }: HostileApplication): boolean =>
    outcomes.some(
      (outcome) =>
        typeof outcome === "object" &&
        "refused" in outcome &&
        outcome.refused === Status.UpdateUnmetered,
    );

  nativeOnly("ends by name, and the core's memory is as it was", async () => {
    const tried = all.filter((hostile) => !isEndless(hostile));
    expect(tried.length).toBeGreaterThan(80);
    const modules = Object.fromEntries(
      tried.map(({ name, image }) => {
        const { manifest } = decodeImage(image);
        return [name, { bytes: image, capabilities: manifest.capabilities }];
      }),
    );
    const endings = await host.run("hostile", {}, modules);
    const wrong = tried.filter((hostile) => !isRight(hostile, endings[hostile.name]));
    expect(wrong.map(({ name, outcomes }) => ({ name, outcomes, ending: endings[name] }))).toEqual(
      [],
    );
    // What is refused for its imports cannot be linked, whoever takes it.
    for (const { name, outcomes } of tried) {
      const [outcome] = outcomes;
      const isImport =
        typeof outcome === "object" &&
        "refused" in outcome &&
        outcome.refused === Status.UpdateImports;
      if (isImport)
        expect({ name, ...endings[name] }).toMatchObject({ name, fault: "ApplicationInvalid" });
    }
  });
});
