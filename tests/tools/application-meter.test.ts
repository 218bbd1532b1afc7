// The meter: calls of fuel where an application could stay for long, and nothing else changed.

import { readFileSync } from "node:fs";
import path from "node:path";

import { isMetered, meterModule } from "../../tools/application/meter";
import { assemble } from "../support/assemble";
import { projectRoot } from "../support/fixture";
import { hostileApplications } from "../support/hostile-applications";

type Imports = Record<string, Record<string, (...values: number[]) => unknown>>;
type Exports = Record<string, (...values: number[]) => number>;

/** Instantiate, and count the calls of fuel. */
function runMetered(
  module: Buffer,
  imports: Imports = {},
): { exports: Exports; fuel: () => number } {
  let count = 0;
  const fuel = (): void => {
    if (++count > 1000) throw new Error("out of fuel");
  };
  const compiled = new WebAssembly.Module(Uint8Array.from(module));
  const all = { ...imports, wboson: { ...imports.wboson, fuel } };
  const { exports } = new WebAssembly.Instance(compiled, all);
  return {
    exports: exports as unknown as Exports,
    fuel: () => {
      const calls = count;
      count = 0;
      return calls;
    },
  };
}

const TEXTS = {
  loops: `(module
    (func (export "count") (param $n i32) (result i32) (local $i i32)
      (loop $more
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $more (i32.lt_s (local.get $i) (local.get $n))))
      (local.get $i))
    (func (export "nested") (param $n i32) (local $i i32) (local $j i32)
      (loop $outer
        (local.set $j (i32.const 0))
        (loop $inner
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br_if $inner (i32.lt_s (local.get $j) (local.get $n))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $outer (i32.lt_s (local.get $i) (local.get $n)))))
    (func (export "forever") (loop $l (br $l)))
    (func (export "leaf") (result i32) (i32.const 7)))`,
  calls: `(module
    (import "host" "twice" (func $twice (param i32) (result i32)))
    (type $unary (func (param i32) (result i32)))
    (table 3 3 funcref)
    (elem (i32.const 0) $twice $leaf $both)
    (global $g (export "g") (mut i32) (i32.const 5))
    (func $leaf (export "leaf") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $both (export "both") (param i32) (result i32) (call $leaf (call $twice (local.get 0))))
    (func (export "host") (param i32) (result i32) (call $twice (local.get 0)))
    (func (export "through") (param i32 i32) (result i32)
      (call_indirect (type $unary) (local.get 1) (local.get 0)))
    (func $down (export "down") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))`,
  operators: `(module
    (memory (export "memory") 1 1)
    (data $d "hello")
    (func (export "all") (param $x f64) (result i32) (local $l i64) (local $f f32)
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 5)) (data.drop $d)
      (memory.copy (i32.const 8) (i32.const 0) (i32.const 5))
      (memory.fill (i32.const 16) (i32.const 1) (i32.const 4))
      (local.set $l (i64.extend8_s (i64.trunc_sat_f64_s (local.get $x))))
      (local.set $f (f32.const 1.5))
      (drop (f64.const 2.5)) (drop (i64.const -9223372036854775808)) (nop)
      (block $a (block $b (block $c (br_table $a $b $c (i32.wrap_i64 (local.get $l))))
        (return (i32.const 3))) (return (i32.const 2)))
      (drop (memory.grow (i32.const 0)))
      (select (i32.load8_u offset=8 (i32.const 0)) (memory.size) (i32.const 1))))`,
};

let modules: Record<string, Buffer>;

beforeAll(() => void (modules = assemble(TEXTS)));

test("each turn of a loop costs one", () => {
  const { module, calls } = meterModule(modules.loops);
  expect(calls).toBe(4);
  const { exports, fuel } = runMetered(module);
  expect([exports.count(10), fuel()]).toEqual([10, 10]);
  exports.nested(5);
  expect(fuel()).toBe(5 * 5 + 5);
  expect(() => exports.forever()).toThrow("out of fuel");
  fuel();
  expect([exports.leaf(), fuel()]).toEqual([7, 0]);
});

test("a function costs one if it calls another of the module; indices follow", () => {
  const { module, calls } = meterModule(modules.calls);
  expect(calls).toBe(3);
  const { exports, fuel } = runMetered(module, { host: { twice: (value) => 2 * value } });
  expect([exports.leaf(1), fuel()]).toEqual([2, 0]);
  expect([exports.host(4), fuel()]).toEqual([8, 0]);
  expect([exports.both(4), fuel()]).toEqual([9, 1]);
  // Table: twice, leaf, both.
  expect([0, 1, 2].map((index) => exports.through(index, 10))).toEqual([20, 11, 21]);
  expect(fuel()).toBe(4);
  expect([exports.down(100), fuel()]).toEqual([100, 101]);
  expect(() => exports.down(100000)).toThrow("out of fuel");
});

test("every instruction that applications may have is gone over", () => {
  const { module, calls } = meterModule(modules.operators);
  expect(calls).toBe(0);
  expect(module).toEqual(meterModule(module).module);
  const { exports } = runMetered(module);
  // "h", moved to 8; cases of br_table.
  expect([0, 1, 2].map((x) => runMetered(module).exports.all(x))).toEqual([104, 2, 3]);
  expect(exports.all(0)).toBe(104);
});

test.each(["loops", "calls"])("%s: metering again changes nothing", (name) => {
  expect(isMetered(modules[name])).toBe(false);
  const { module } = meterModule(modules[name]);
  expect(isMetered(module)).toBe(true);
  expect(meterModule(module)).toEqual({ module, calls: 0 });
});

test.each(["boson", "boson-api", "boson-tcp", "boson-standard"])(
  "%s, a large module, is valid and as long as its new calls make it",
  (name) => {
    const file = readFileSync(path.join(projectRoot, `build/${name}.wasm`));
    const { module, calls } = meterModule(file);
    expect(WebAssembly.validate(Uint8Array.from(module))).toBe(true);
    expect(calls).toBeGreaterThan(100);
    expect(isMetered(module)).toBe(true);
    // Two bytes a call, and few more where lengths and indices take another byte.
    expect(module.length - file.length).toBeGreaterThanOrEqual(2 * calls);
    expect(module.length - file.length).toBeLessThan(3.5 * calls);
  },
);

test("hostile applications are what they claim to be", () => {
  const all = hostileApplications();
  expect(all.length).toBeGreaterThanOrEqual(100);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { name, image, outcomes } of all) {
    const text = JSON.stringify(outcomes);
    const verdict = (): boolean => isMetered(image);
    if (text === '[{"refused":-148}]') expect([name, verdict()]).toEqual([name, false]);
    else if (text === '[{"refused":-142}]') expect(verdict).toThrow();
    else if (/"stopped":-16[012]|runs/.test(text)) expect([name, verdict()]).toEqual([name, true]);
  }
});
