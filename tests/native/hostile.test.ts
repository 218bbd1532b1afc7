// Hostile and malformed modules on WASM3: each ends in a named error, and the host is intact under
// AddressSanitizer and UndefinedBehaviorSanitizer.

import { readFileSync } from "node:fs";
import path from "node:path";

import { projectRoot } from "../support/fixture";
import { nativeTest } from "../support/native-build";
import { HostileHost, all } from "./hostile-host";
import { RANGES, event, hostCall, stub } from "./modules";

const nativeOnly = nativeTest("hostile");
const host = new HostileHost();
const outcomes: HostileHost["outcomes"] = (...sets) => host.outcomes(...sets);

afterAll(() => host.remove());

describe("a hostile module on WASM3", () => {
  nativeOnly("that gives imports memory which is not its own", async () => {
    const texts: Record<string, string> = {};
    for (const [i, [pointer, length]] of RANGES.entries()) {
      const range = `(i32.const ${pointer}) (i32.const ${length})`;
      texts[`random-${i}`] = hostCall(`(call $random_fill ${range})`);
      texts[`read-${i}`] = hostCall(`(call $storage_read (i32.const 1) ${range})`);
      texts[`write-${i}`] = hostCall(`(call $storage_write (i32.const 3) ${range})`);
      texts[`log-${i}`] = hostCall(`(call $log (i32.const 30) ${range})`);
    }
    expect(Object.keys(texts).length).toBeGreaterThanOrEqual(50);
    expect(await outcomes("calls", texts)).toEqual(all(Object.keys(texts), "HostArgument"));
  });

  nativeOnly("that asks for what it may not have is refused, and goes on", async () => {
    /** The call answers less than 0, or the module traps. */
    const refused = (call: string): string =>
      stub({
        bodies: {
          start: `(if (i32.ge_s ${call} (i32.const 0)) (then (unreachable))) (i32.const 0)`,
        },
      });
    const write = (slot: number): string =>
      refused(`(call $storage_write (i32.const ${slot}) (i32.const 0) (i32.const 4))`);
    const key = readFileSync(path.join(host.storage, "device-key.der"));
    const texts: Record<string, string> = {
      "short-read": refused("(call $storage_read (i32.const 1) (i32.const 0) (i32.const 4))"),
      "no-slot": refused("(call $storage_read (i32.const 29) (i32.const 0) (i32.const 4))"),
      "long-write": refused("(call $storage_write (i32.const 3) (i32.const 0) (i32.const 5000))"),
      "whole-memory": stub({
        bodies: {
          start: "(drop (call $random_fill (i32.const 0) (i32.const 65536))) (i32.const 0)",
        },
      }),
      "empty-at-end": stub({
        bodies: {
          start: "(call $log (i32.const 30) (i32.const 65536) (i32.const 0)) (i32.const 0)",
        },
      }),
    };
    for (const slot of [-1, 0, 1, 2, 5, 6, 7, 26, 29, 0x7fffffff])
      texts[`slot${slot}`] = write(slot);
    expect(await outcomes("refusals", texts)).toEqual(all(Object.keys(texts), "Ok"));
    expect(readFileSync(path.join(host.storage, "device-key.der"))).toEqual(key);
  });

  nativeOnly("that names buffers and events outside of its memory", async () => {
    const body = (name: string, text: string): string => stub({ bodies: { [name]: text } });
    const transmit = "(i32.const 1191)";
    const far = 65530;
    const texts: Record<string, string> = {
      "rx-far": body("rx_buffer", "(i32.const 65000)"),
      "rx-negative": body("rx_buffer", "(i32.const -1)"),
      "rx-capacity": body("rx_capacity", "(i32.const -1)"),
      "rx-small": body("rx_capacity", "(i32.const 10)"),
      "tx-far": body("tx_buffer", "(i32.const 65536)"),
      "argument-far": body("argument_buffer", "(i32.const 0x7fffffff)"),
      "argument-small": body("argument_capacity", "(i32.const 0)"),
      "event-far": body("event_buffer", "(i32.const 65510)"),
      "event-small": body("event_capacity", "(i32.const 8)"),
      "transmit-long": body("poll_transmit", transmit),
      "transmit-huge": body("poll_transmit", "(i32.const 0x7fffffff)"),
      "event-link": body("poll_event", event(1, 0, far, 100)),
      "event-link-wraps": body("poll_event", event(1, 0, -4, 8)),
      "event-call": body("poll_event", event(6, 0, 0, far, 100)),
      "event-name": body("poll_event", event(5, 0, far, 100, 0, 0, 0)),
      "event-data": body("poll_event", event(5, 0, 0, 0, 0, -1, 0)),
      "event-moved-host": body("poll_event", event(12, 1, -1, 2, 0, 0)),
      "event-moved-key": body("poll_event", event(12, 1, 0, 0, 70000, 70000)),
    };
    expect(await outcomes("buffers", texts)).toEqual(all(Object.keys(texts), "Buffer"));
  });

  nativeOnly("that never ends, recurses or traps", async () => {
    const start = (text: string, extra = ""): string => stub({ bodies: { start: text }, extra });
    const texts = {
      loop: start("(loop $again (call $f) (br $again)) (i32.const 0)", "(func $f)"),
      recursion: start(
        "(call $deep)",
        "(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))",
      ),
      unreachable: start("(unreachable)"),
      division: start("(i32.div_s (i32.const 1) (i32.const 0))"),
      load: start("(i32.load (i32.const 65533))"),
      store: start("(i32.store offset=4294967295 (i32.const 1) (i32.const 0)) (i32.const 0)"),
      copy: start("(memory.copy (i32.const 60000) (i32.const 0) (i32.const 60000)) (i32.const 0)"),
      indirect: start(
        "(call_indirect (type $t) (i32.const 7))",
        "(type $t (func (result i32))) (table 1 1 funcref)",
      ),
      "endless-events": stub({ bodies: { poll_event: event(2, 0) } }),
      "endless-datagrams": stub({ bodies: { poll_transmit: "(i32.const 20)" } }),
      grow: start(
        "(if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable))) (i32.const 0)",
      ),
      "own-start": stub({ extra: "(func $s (unreachable)) (start $s)" }),
    };
    expect(await outcomes("traps", texts)).toEqual({
      loop: "Time",
      recursion: "Stack",
      unreachable: "Trap",
      division: "Trap",
      load: "Trap",
      store: "Trap",
      copy: "Trap",
      indirect: "Trap",
      "endless-events": "Time",
      "endless-datagrams": "Time",
      grow: "Ok",
      "own-start": "Trap",
    });
  });

  nativeOnly("that does not fit the host", async () => {
    const texts = {
      fits: stub(),
      "no-memory": stub({ memory: "" }),
      "imported-memory": stub({ imports: '(import "env" "memory" (memory 1))', memory: "" }),
      "large-memory": stub({ memory: "(memory 2)" }),
      "huge-memory": stub({ memory: "(memory 65536)" }),
      "may-grow": stub({ memory: "(memory 1)" }),
      "huge-table": stub({ extra: "(table 100000000 funcref)" }),
      "import-unknown": stub({ imports: '(import "hal" "listen" (func (param i32)))' }),
      "import-module": stub({
        imports: '(import "env" "random_fill" (func (param i32 i32) (result i32)))',
      }),
      "import-type": stub({
        imports: '(import "hal" "random_fill" (func (param i32) (result i32)))',
      }),
      "import-type-64": stub({ imports: '(import "hal" "log" (func (param i32 i64 i32)))' }),
      "import-global": stub({ imports: '(import "env" "g" (global i32))' }),
      "export-missing": stub({ bodies: { poll_event: null } }),
      "export-type": stub({ functions: { publish: "(param i32) (result i32) (i32.const 1)" } }),
      "export-64": stub({ functions: { connect: "(param i64) (result i32) (i32.const 1)" } }),
      "export-result": stub({ functions: { poll_transmit: "(param i32)" } }),
      "export-result-64": stub({ functions: { start: "(result i64) (i64.const 0)" } }),
      "export-application": stub({ extra: '(func (export "app_clock") (param f64))' }),
      version: stub({ bodies: { abi_version: "(i32.const 2)" } }),
    };
    const imports = ["unknown", "module", "type", "type-64", "global"].map((x) => `import-${x}`);
    const exports = ["missing", "type", "64", "result", "result-64", "application"];
    expect(await outcomes("misfits", texts)).toEqual({
      fits: "Ok",
      "may-grow": "Ok",
      "no-memory": "MemoryLimit",
      "imported-memory": "MemoryLimit",
      "large-memory": "MemoryLimit",
      "huge-memory": "MemoryLimit",
      "huge-table": "Malformed",
      ...all(imports, "Import"),
      ...all(
        exports.map((x) => `export-${x}`),
        "Export",
      ),
      version: "Version",
    });
  });

  nativeOnly("that is malformed", async () => {
    const core = readFileSync(path.join(projectRoot, "build/boson.wasm"));
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const module = (...bytes: number[]): Uint8Array => Uint8Array.from([...header, ...bytes]);
    const leb = [0xff, 0xff, 0xff, 0xff, 0x0f];
    const binaries: Record<string, Uint8Array> = {
      nothing: new Uint8Array(),
      short: Uint8Array.from(header.slice(0, 5)),
      text: Buffer.from("(module)"),
      version: Uint8Array.from([...header.slice(0, 4), 2, 0, 0, 0]),
      "section-without-size": module(1),
      "section-beyond-end": module(1, 100, 0),
      "section-huge": module(1, ...leb),
      "size-too-long": module(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
      "section-unknown": module(99, 0),
      "sections-swapped": module(3, 1, 0, 1, 1, 0),
      "types-huge": module(1, 5, ...leb),
      "type-unknown": module(1, 4, 1, 0x60, 1, 0x11),
      "functions-without-type": module(3, 2, 1, 0),
      "functions-huge": module(1, 4, 1, 0x60, 0, 0, 3, 5, ...leb),
      "code-missing": module(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 1, 0),
      "locals-huge": module(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 10, 1, 8, 1, ...leb, 0x7f, 0x0b),
      "export-of-nothing": module(7, 5, 1, 1, 0x61, 0, 9),
      "import-name-beyond": module(2, 4, 1, 100, 0x68, 0x61),
      "memory-limits": module(5, 4, 1, 1, 2, 1),
      "start-of-nothing": module(8, 1, 5),
      "element-of-nothing": module(4, 4, 1, 0x70, 0, 1, 9, 7, 1, 0, 0x41, 0, 0x0b, 1, 9),
      "data-outside": module(5, 3, 1, 0, 1, 11, 9, 1, 0, 0x41, ...[0xff, 0xff, 3], 0x0b, 1, 1),
    };
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      binaries[`cut-${part}`] = core.subarray(0, Math.floor(core.length * part));
    }
    const found = await outcomes("malformed", {}, binaries);
    const odd = Object.entries(found).filter(
      ([, error]) => !["Malformed", "MemoryLimit", "NoMemory", "Export"].includes(error),
    );
    expect(odd).toEqual([]);
  });

  nativeOnly("that is the core with bytes flipped", async () => {
    const core = readFileSync(path.join(projectRoot, "build/boson.wasm"));
    const binaries: Record<string, Uint8Array> = {};
    // A linear congruential generator, so that a failure can be repeated.
    let state = 20260101;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 150; i += 1) {
      const bytes = Uint8Array.from(core);
      for (let flips = 1 + random(3); flips > 0; flips -= 1) {
        bytes[random(i % 2 ? bytes.length : 2000)] ^= 1 << random(8);
      }
      binaries[`flip-${i}`] = bytes;
    }
    const found = await outcomes("flips", {}, binaries);
    expect(Object.values(found)).not.toContain("?");
  });
});
