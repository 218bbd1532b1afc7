// Texts and bytes of hostile modules.

/** Exports of the core with the numbers of their arguments and results; what none of it needs. */
const EXPORTS: [name: string, parameters: number, result: string][] = [
  ["abi_version", 0, "1"],
  ["rx_buffer", 0, "1024"],
  ["rx_capacity", 0, "1500"],
  ["tx_buffer", 0, "4096"],
  ["tx_capacity", 0, "1190"],
  ["argument_buffer", 0, "4096"],
  ["argument_capacity", 0, "1152"],
  ["event_buffer", 0, "64"],
  ["event_capacity", 0, "28"],
  ["set_identity", 4, ""],
  ["set_reservation", 1, "0"],
  ["start", 0, "0"],
  ["register_function", 2, "0"],
  ["register_variable", 3, "0"],
  ["subscribe", 3, "0"],
  ["connect", 1, "0"],
  ["disconnect", 3, "0"],
  ["link_up", 2, "0"],
  ["link_down", 1, "0"],
  ["set_keepalive", 1, "0"],
  ["connection_state", 0, "0"],
  ["publish", 5, "1"],
  ["function_result", 2, "0"],
  ["variable_result", 2, "0"],
  ["call_refused", 1, "0"],
  ["request_time", 0, "0"],
  ["receive_datagram", 2, "0"],
  ["handle_message", 1, ""],
  ["handle_timeout", 1, ""],
  ["poll_transmit", 1, "0"],
  ["poll_event", 0, "0"],
  ["poll_timeout", 1, "-1"],
  ["statistic", 1, "0"],
];

export const IMPORTS = `
  (import "hal" "random_fill" (func $random_fill (param i32 i32) (result i32)))
  (import "hal" "storage_read" (func $storage_read (param i32 i32 i32) (result i32)))
  (import "hal" "storage_write" (func $storage_write (param i32 i32 i32) (result i32)))
  (import "hal" "log" (func $log (param i32 i32 i32)))`;

export interface Shape {
  memory?: string;
  imports?: string;
  /** Text at the end of the module. */
  extra?: string;
  /** Bodies in place of the harmless ones, or null to leave an export out. */
  bodies?: Record<string, string | null>;
  /** Whole functions in place of a body. */
  functions?: Record<string, string>;
}

/** A module that a host takes for the core, and that does nothing but what it is told. */
export function stub(shape: Shape = {}): string {
  const { memory = '(memory (export "memory") 1 1)', imports = IMPORTS, extra = "" } = shape;
  const functions = EXPORTS.map(([name, parameters, result]) => {
    const whole = shape.functions?.[name];
    if (whole) return `(func (export "${name}") ${whole})`;
    const body = shape.bodies?.[name];
    if (body === null) return "";
    const types = `${"(param i32) ".repeat(parameters)}${result ? "(result i32)" : ""}`;
    return `(func (export "${name}") ${types} ${body ?? (result && `(i32.const ${result})`)})`;
  });
  return `(module ${imports} ${memory} ${functions.join("\n")} ${extra})`;
}

/** Pairs of pointer and length that leave a memory of 65536 bytes, each in its own way. */
export const RANGES: [pointer: number, length: number][] = [
  [65536, 1],
  [65535, 2],
  [65500, 37],
  [0, 65537],
  [1, 65536],
  [-1, 1],
  [-1, 2],
  [-16, 32],
  [0, -1],
  [100, -100],
  [-65536, 65536],
  [0x7fffffff, 0x7fffffff],
  [-0x80000000, -0x80000000],
  [0x10000, -0x10000],
];

/** A module whose `start` gives an import a range. */
export function hostCall(call: string): string {
  const isLog = call.startsWith("(call $log");
  return stub({ bodies: { start: `${isLog ? call : `(drop ${call})`} (i32.const 0)` } });
}

/** An event that names a range: kind, then fields a to f. */
export function event(kind: number, ...fields: number[]): string {
  const stores = [kind, ...fields].map(
    (value, i) => `(i32.store (i32.const ${64 + 4 * i}) (i32.const ${value}))`,
  );
  return `${stores.join(" ")} (i32.const ${kind})`;
}
