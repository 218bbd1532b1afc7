// Application modules written by hand, as texts for `assemble`: each does one thing, or one thing wrong.

/** Imports of an application module with their types. */
const TYPES: Record<string, [parameters: number, hasResult: boolean]> = {
  fuel: [0, false],
  log: [3, false],
  publish: [7, true],
  register_function: [2, true],
  register_variable: [3, true],
  subscribe: [3, true],
  random: [2, true],
  device_id: [1, true],
  get: [1, true],
  control: [3, true],
  queue: [3, true],
  update: [2, true],
};

export interface ApplicationShape {
  /** Names of bridge imports, called as `$name`. */
  imports?: string[];
  /** Bodies of `setup` and `loop`. */
  setup?: string;
  loop?: string;
  /** Body of `app_event`: parameters `$kind $a $b $c $d`, result i32. */
  event?: string;
  memory?: string;
  /** Bodies in place of the harmless ones: app_abi, app_buffer, app_buffer_capacity. */
  bodies?: Record<string, string>;
  /** Imports at the beginning, anything at the end. */
  before?: string;
  after?: string;
}

/** Where the harmless modules have their buffer for events. */
export const BUFFER = 1024;

function importText(name: string): string {
  const [parameters, hasResult] = TYPES[name];
  const types = `${"(param i32) ".repeat(parameters)}${hasResult ? "(result i32)" : ""}`;
  return `(import "wboson" "${name}" (func $${name} ${types}))`;
}

/** Text of an application module. Strings begin at 4096: see `text`. */
export function applicationText(shape: ApplicationShape = {}): string {
  const { imports = [], setup = "", loop = "", event = "(i32.const 0)", before = "" } = shape;
  const { memory = '(memory (export "memory") 1)', bodies = {}, after = "" } = shape;
  const constants = Object.entries({
    app_abi: "(i32.const 1)",
    app_buffer: `(i32.const ${BUFFER})`,
    app_buffer_capacity: "(i32.const 1152)",
    ...bodies,
  }).map(([name, body]) => `(func (export "${name}") (result i32) ${body})`);
  return `(module ${before} ${imports.map(importText).join(" ")} ${memory} ${constants.join(" ")}
    (global $now (mut i32) (i32.const 0))
    (func (export "app_clock") (param i32) (global.set $now (local.get 0)))
    (func (export "setup") ${setup})
    (func (export "loop") ${loop})
    (func (export "app_event")
      (param $kind i32) (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
      ${event})
    ${after})`;
}

/** A string as data at `at`. */
export function data(at: number, text: string): string {
  return `(data (i32.const ${at}) "${text}")`;
}
