// Application modules that mean harm, each signed with the test key, each with what must become of it.
// The harm is done in `setup()` unless the name says otherwise. Whatever happens, the connection lives.

import { Status } from "../../bindings/node";
import { BRIDGE } from "../../tools/application/bridge";
import { ImageKind } from "../../tools/application/image";
import { meterModule } from "../../tools/application/meter";
import { signImage } from "../../tools/application/sign";
import {
  SectionId,
  WASM_HEADER,
  encodeModule,
  sectionsOf,
} from "../../tools/application/wasm-reader";
import { assemble } from "./assemble";
import { TEST_UPDATE_KEY } from "./update-key";

/** `refused`: the core does, when the update is complete. `stopped`: the host tells the core this fault. */
export type HostileOutcome = { refused: Status } | { stopped: Status } | "runs";

export interface HostileApplication {
  name: string;
  /** The file, signed. */
  image: Buffer;
  /** Any of these is right. */
  outcomes: readonly HostileOutcome[];
}

/** What a case is made of; bodies are WebAssembly text. */
interface Case {
  imports?: string;
  memory?: string;
  /** Bodies in place of harmless ones, null to leave the export out. */
  bodies?: Record<string, string | null>;
  /** Whole functions, `(param ...) (result ...) body`, in place of a body. */
  functions?: Record<string, string>;
  extra?: string;
  /** As it is, without calls of fuel. */
  isUnmetered?: boolean;
  /** Changes the bytes of the module at last. */
  change?: (module: Buffer) => Buffer;
  capabilities?: number;
  outcomes: readonly HostileOutcome[];
}

const ALL_CAPABILITIES = 63;

const TRAP = [{ stopped: Status.ApplicationTrap }];
const TIME = [{ stopped: Status.ApplicationTime }];
const FLOOD = [{ stopped: Status.ApplicationFlood }];
const INVALID = [{ stopped: Status.ApplicationInvalid }];
const IMPORTS = [{ refused: Status.UpdateImports }];
const UNMETERED = [{ refused: Status.UpdateUnmetered }];
const MALFORMED = [{ refused: Status.UpdateMalformed }];
/** Not the core's to see: either side may find it. */
const MALFORMED_OR_INVALID = [...MALFORMED, ...INVALID];
/** A host whose stack ends first, or whose fuel does. */
const TRAP_OR_TIME = [...TRAP, ...TIME];

const EXPORTS: [name: string, parameters: number, result: string][] = [
  ["app_abi", 0, "1"],
  ["app_buffer", 0, "1024"],
  ["app_buffer_capacity", 0, "1152"],
  ["app_clock", 1, ""],
  ["setup", 0, ""],
  ["loop", 0, ""],
  ["app_event", 5, "0"],
];

const repeat = (text: string, count: number): string => Array(count).fill(text).join(" ");

/** An import of the bridge as `$name`. */
function imported(name: string): string {
  const [module, field] = name.split(".");
  const [, parameters, result] = /^\((.*)\) -> (.*)$/.exec(BRIDGE[name].signature)!;
  const count = parameters ? parameters.split(", ").length : 0;
  const results = result === "none" ? "" : "(result i32)";
  return `(import "${module}" "${field}" (func $${field} ${repeat("(param i32)", count)} ${results}))`;
}

/** The text of a module that a host takes for an application. */
function textOf({ imports = "", memory, bodies, functions, extra = "" }: Case): string {
  const exported = EXPORTS.map(([name, parameters, result]) => {
    const whole = functions?.[name];
    if (whole) return `(func $${name} (export "${name}") ${whole})`;
    const body = bodies?.[name];
    if (body === null) return "";
    const types = `${repeat("(param i32)", parameters)} ${result && "(result i32)"}`;
    return `(func $${name} (export "${name}") ${types} ${body ?? (result && `(i32.const ${result})`)})`;
  });
  const memories = memory ?? '(memory (export "memory") 1 1)';
  return `(module ${imports} ${memories} ${exported.join("\n")} ${extra})`;
}

/** Pairs of pointer and length that leave a memory of 65536 bytes. */
const RANGES: [pointer: number, length: number][] = [
  [65536, 1],
  [65530, 7],
  [-1, 2],
  [16, -1],
  [1, 65536],
  [0x7fffffff, 0x7fffffff],
];

/** Calls of an import with a pointer and a length that are not the application's. */
const POINTERS: Record<string, (range: string) => string> = {
  "wboson.log": (range) => `(call $log (i32.const 30) ${range})`,
  "wboson.publish": (range) =>
    `(drop (call $publish ${range} (i32.const 0) ${repeat("(i32.const 0)", 4)}))`,
  "wboson.register_function": (range) => `(drop (call $register_function ${range}))`,
  "wboson.register_variable": (range) => `(drop (call $register_variable ${range} (i32.const 2)))`,
  "wboson.subscribe": (range) => `(drop (call $subscribe ${range} (i32.const 0)))`,
  "wboson.random": (range) => `(drop (call $random ${range}))`,
  "board.call": (range) => `(drop (call $call (i32.const 7) (i32.const 0) (i32.const 0) ${range}))`,
};

function pointerCases(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const [name, call] of Object.entries(POINTERS)) {
    RANGES.forEach(([pointer, length], i) => {
      const setup = call(`(i32.const ${pointer}) (i32.const ${length})`);
      const title = `pointer-${name.replace(".", "-")}-${i}`;
      cases[title] = { imports: imported(name), bodies: { setup }, outcomes: TRAP };
    });
  }
  const data = `(drop (call $publish (i32.const 0) (i32.const 1) (i32.const 65000) (i32.const 1000)
    ${repeat("(i32.const 0)", 3)}))`;
  cases["pointer-publish-data"] = {
    imports: imported("wboson.publish"),
    bodies: { setup: data },
    outcomes: TRAP,
  };
  cases["pointer-device-id"] = {
    imports: imported("wboson.device_id"),
    bodies: { setup: "(drop (call $device_id (i32.const 65525)))" },
    outcomes: TRAP,
  };
  return cases;
}

const IMPORT_CASES: Record<string, Case> = {
  "import-storage": {
    imports: '(import "hal" "storage_read" (func (param i32 i32 i32) (result i32)))',
    outcomes: IMPORTS,
  },
  "import-unknown": { imports: '(import "wboson" "eval" (func))', outcomes: IMPORTS },
  "import-memory": {
    imports: '(import "wboson" "memory" (memory 1 1))',
    memory: "",
    outcomes: IMPORTS,
  },
  "import-table": { imports: '(import "wboson" "table" (table 1 funcref))', outcomes: IMPORTS },
  "import-global": { imports: '(import "wboson" "key" (global i32))', outcomes: IMPORTS },
  "import-signature": {
    imports: '(import "wboson" "publish" (func (param i64) (result i32)))',
    outcomes: IMPORTS,
  },
  "import-fuel-with-argument": {
    imports: '(import "wboson" "fuel" (func $fuel (param i32)))',
    bodies: { loop: "(call $fuel (i32.const 1))" },
    isUnmetered: true,
    outcomes: IMPORTS,
  },
  "import-not-granted": {
    imports: imported("wboson.publish"),
    capabilities: 0,
    outcomes: IMPORTS,
  },
};

const FOREVER = "(loop $forever (br $forever))";

const METERING_CASES: Record<string, Case> = {
  "loop-unmetered": { bodies: { setup: FOREVER }, isUnmetered: true, outcomes: UNMETERED },
  "loop-unmetered-in-one-that-is": {
    imports: imported("wboson.fuel"),
    bodies: {
      setup: `(loop $outer (call $fuel) (loop $inner (br_if $inner (i32.const 1))) (br $outer))`,
    },
    isUnmetered: true,
    outcomes: UNMETERED,
  },
  "loop-metered-too-late": {
    imports: imported("wboson.fuel"),
    bodies: { setup: "(loop $forever (br_if $forever (i32.const 1)) (call $fuel))" },
    isUnmetered: true,
    outcomes: UNMETERED,
  },
  "recursion-unmetered": {
    bodies: { setup: "(call $setup)" },
    isUnmetered: true,
    outcomes: UNMETERED,
  },
  "call-indirect-unmetered": {
    extra: "(table 1 1 funcref) (elem (i32.const 0) $setup) (type $none (func))",
    bodies: { setup: "(call_indirect (type $none) (i32.const 0))" },
    isUnmetered: true,
    outcomes: UNMETERED,
  },
  "fuel-of-its-own": {
    extra: "(func $fuel)",
    bodies: { setup: "(loop $forever (call $fuel) (br $forever))" },
    isUnmetered: true,
    outcomes: UNMETERED,
  },
  "another-import-for-fuel": {
    imports: imported("wboson.get") + imported("wboson.fuel"),
    bodies: { setup: "(loop $forever (drop (call $get (i32.const 1))) (br $forever))" },
    isUnmetered: true,
    outcomes: UNMETERED,
  },
};

const SETUP_CASES: Record<string, Case> = {
  "trap-unreachable": { bodies: { setup: "(unreachable)" }, outcomes: TRAP },
  "trap-in-clock": { bodies: { app_clock: "(unreachable)" }, outcomes: TRAP },
  "trap-in-loop": { bodies: { loop: "(unreachable)" }, outcomes: TRAP },
  "trap-division": {
    bodies: { setup: "(drop (i32.div_s (i32.const 1) (i32.const 0)))" },
    outcomes: TRAP,
  },
  "trap-load": { bodies: { setup: "(drop (i32.load (i32.const 65536)))" }, outcomes: TRAP },
  "trap-indirect": {
    extra: "(table 1 1 funcref) (type $none (func))",
    bodies: { setup: "(call_indirect (type $none) (i32.const 7))" },
    outcomes: TRAP,
  },
  "trap-fill": {
    bodies: { setup: "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))" },
    outcomes: TRAP,
  },
  "endless-setup": { bodies: { setup: FOREVER }, outcomes: TIME },
  "endless-loop": { bodies: { loop: FOREVER }, outcomes: TIME },
  "endless-clock": { bodies: { app_clock: FOREVER }, outcomes: TIME },
  "endless-abi": { bodies: { app_abi: FOREVER }, outcomes: [...TIME, ...INVALID] },
  "recursion-deep": { bodies: { setup: "(call $setup)" }, outcomes: TRAP_OR_TIME },
  "recursion-mutual": {
    extra: "(func $other (call $setup))",
    bodies: { setup: "(call $other)" },
    outcomes: TRAP_OR_TIME,
  },
  "flood-publish": {
    imports: imported("wboson.publish"),
    extra: '(data (i32.const 0) "flood")',
    bodies: {
      loop: `(local $i i32) (loop $more
        (drop (call $publish (i32.const 0) (i32.const 5) ${repeat("(i32.const 0)", 2)}
          (i32.const 0) (i32.const -1) (i32.const 1)))
        (br_if $more (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (i32.const 200))))`,
    },
    outcomes: FLOOD,
  },
  // It gets no memory beyond what it declares, and lives.
  "memory-grow": {
    bodies: {
      setup: "(if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))",
    },
    outcomes: ["runs"],
  },
  "memory-grow-without-limit": {
    memory: '(memory (export "memory") 1)',
    bodies: { setup: "(drop (memory.grow (i32.const 1000)))" },
    outcomes: ["runs", ...TRAP, ...MALFORMED_OR_INVALID],
  },
  // The event's answer is refused; the application lives.
  "value-too-long": {
    imports: imported("wboson.register_variable"),
    extra: '(data (i32.const 0) "long")',
    bodies: {
      setup: "(drop (call $register_variable (i32.const 0) (i32.const 4) (i32.const 4)))",
      app_event: "(i32.const 1000000000)",
    },
    outcomes: ["runs"],
  },
};

const SHAPE_CASES: Record<string, Case> = {
  "start-section": {
    extra: "(func $start) (start $start)",
    isUnmetered: true,
    outcomes: MALFORMED,
  },
  "export-missing": { bodies: { app_event: null }, outcomes: MALFORMED_OR_INVALID },
  "export-setup-missing": { bodies: { setup: null }, outcomes: MALFORMED_OR_INVALID },
  "export-with-argument": { functions: { loop: "(param i32)" }, outcomes: MALFORMED_OR_INVALID },
  "export-of-64-bits": {
    functions: { app_abi: "(result i64) (i64.const 1)" },
    outcomes: MALFORMED_OR_INVALID,
  },
  "export-memory-is-function": {
    memory: '(memory 1 1) (func (export "memory"))',
    outcomes: MALFORMED_OR_INVALID,
  },
  "memory-not-exported": { memory: "(memory 1 1)", outcomes: MALFORMED_OR_INVALID },
  "abi-of-later": { bodies: { app_abi: "(i32.const 2)" }, outcomes: INVALID },
  "buffer-outside": { bodies: { app_buffer: "(i32.const 65000)" }, outcomes: INVALID },
  "buffer-negative": { bodies: { app_buffer: "(i32.const -4)" }, outcomes: INVALID },
  "buffer-too-small": { bodies: { app_buffer_capacity: "(i32.const 8)" }, outcomes: INVALID },
  "buffer-too-large": { bodies: { app_buffer_capacity: "(i32.const -1)" }, outcomes: INVALID },
  "data-outside": { extra: '(data (i32.const 65535) "ab")', outcomes: INVALID },
  "elements-outside": {
    extra: "(table 1 1 funcref) (elem (i32.const 1) $setup)",
    outcomes: INVALID,
  },
  "memory-too-large": {
    memory: '(memory (export "memory") 1000 1000)',
    outcomes: MALFORMED_OR_INVALID,
  },
};

/** Put bytes in place of a section, or behind the last one. */
function withSection(module: Buffer, id: number, content: Buffer): Buffer {
  const sections = sectionsOf(module);
  const at = sections.findIndex((section) => section.id === id);
  if (at < 0) return encodeModule([...sections, { id, content }]);
  return encodeModule(sections.map((section, i) => (i === at ? { id, content } : section)));
}

/** A code section whose first function has these bytes. */
function firstBody(...bytes: number[]): (module: Buffer) => Buffer {
  return (module) => {
    const functions = sectionsOf(module).find(({ id }) => id === SectionId.Function)!.content[0];
    const harmless = [3, 0, 0x00, 0x0b];
    const first = [bytes.length, ...bytes];
    const content = [
      functions,
      ...first,
      ...Array(functions - 1)
        .fill(harmless)
        .flat(),
    ];
    return withSection(module, SectionId.Code, Buffer.from(content));
  };
}

/** No type checker would let these pass, so what comes after decoding may refuse them as well. */
const BYTE_CASES: Record<string, Partial<Case>> = {
  "opcode-simd": { change: firstBody(0, 0xfd, 0x0c, ...Array(16).fill(0), 0x1a, 0x0b) },
  "opcode-tail-call": { change: firstBody(0, 0x12, 0, 0x0b) },
  "opcode-atomic": { change: firstBody(0, 0xfe, 0x03, 0x00, 0x0b) },
  "opcode-table-grow": { change: firstBody(0, 0xfc, 0x0f, 0x00, 0x0b) },
  "body-without-end": { change: firstBody(0, 0x01, 0x01) },
  "body-beyond-its-end": { change: firstBody(0, 0x0b, 0x0b) },
  "br-table-flood": { change: firstBody(0, 0x41, 0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0x0b) },
  "locals-flood": {
    change: firstBody(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x00, 0x0b),
    outcomes: MALFORMED_OR_INVALID,
  },
  "number-too-long": { change: firstBody(0, 0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x0b) },
  "call-of-nothing": {
    change: firstBody(0, 0x10, 0x7f, 0x0b),
    outcomes: [...MALFORMED_OR_INVALID, ...UNMETERED],
  },
  "functions-flood": {
    change: (module: Buffer) =>
      withSection(module, SectionId.Code, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])),
  },
  "section-beyond-the-file": {
    change: (module: Buffer) => Buffer.concat([module, Buffer.from([0, 0xff, 0xff, 0x7f, 1])]),
  },
  "section-unknown": {
    change: (module: Buffer) => Buffer.concat([module, Buffer.from([0x63, 1, 0])]),
    outcomes: MALFORMED_OR_INVALID,
  },
  "code-twice": {
    change: (module: Buffer) => {
      const code = sectionsOf(module).find(({ id }) => id === SectionId.Code)!;
      return encodeModule([...sectionsOf(module), code]);
    },
    outcomes: MALFORMED_OR_INVALID,
  },
  "imports-behind-the-code": {
    change: (module: Buffer) => {
      const entry = Buffer.concat([Buffer.from([1, 3]), Buffer.from("hal"), Buffer.from([3])]);
      const content = Buffer.concat([entry, Buffer.from("log"), Buffer.from([0, 0])]);
      return encodeModule([...sectionsOf(module), { id: SectionId.Import, content }]);
    },
    outcomes: [...MALFORMED_OR_INVALID, ...IMPORTS],
  },
  "no-module-at-all": { change: () => Buffer.concat([WASM_HEADER, Buffer.alloc(64, 0xaa)]) },
};

function allCases(): Record<string, Case> {
  const bytes = Object.entries(BYTE_CASES).map(([name, entry]): [string, Case] => [
    name,
    { outcomes: MALFORMED, ...entry },
  ]);
  return {
    ...pointerCases(),
    ...IMPORT_CASES,
    ...METERING_CASES,
    ...SETUP_CASES,
    ...SHAPE_CASES,
    ...Object.fromEntries(bytes),
  };
}

function imageOf(
  module: Buffer,
  { capabilities = ALL_CAPABILITIES }: Case,
  version: number,
): Buffer {
  const boards: number[] = [];
  const fields = { kind: ImageKind.Application, forced: false, version, minimumAbi: 1 };
  const rest = { capabilities, memoryKiB: 64, boards, keys: [] };
  return signImage({ ...fields, ...rest }, module.subarray(WASM_HEADER.length), TEST_UPDATE_KEY);
}

/**
 * All hostile applications, in an order that stays.
 * @param version of each, so that it is above what the device runs
 */
export function hostileApplications(version = 1000): HostileApplication[] {
  const cases = allCases();
  const texts = Object.entries(cases).map(([name, entry]) => [name, textOf(entry)]);
  const modules = assemble(Object.fromEntries(texts) as Record<string, string>);
  return Object.entries(cases).map(([name, entry]) => {
    const { isUnmetered = false, change = (module) => module, outcomes } = entry;
    const module = isUnmetered ? modules[name] : meterModule(modules[name]).module;
    return { name, image: imageOf(change(module), entry, version), outcomes };
  });
}
