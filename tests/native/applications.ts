// Runs application modules beside a played core, one after the other, in one process that sanitizers
// watch (application.c).

import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { buildNative } from "../support/native-build";
import { stub } from "./modules";

/** What became of an application: as a name of Status what the core was told, or `runs`. */
export interface Ending {
  state: string;
  fault: string;
  /** Calls of the bridge that reached the core. */
  calls: number;
}

export interface Module {
  bytes: Uint8Array;
  capabilities?: number;
}

export const ALL_CAPABILITIES = 63;

/** What a call of the core answers and counts. */
const counted = (result: string): string => `(global.set $calls (i32.add (global.get $calls)
  (i32.const 1))) ${result}`;

/** A sum over the memory that no call of the core writes: all but its buffers. */
const SUM = `(func $sum (result i32) (local $at i32) (local $sum i32)
  (local.set $at (i32.const 8192))
  (loop $more
    (local.set $sum (i32.add (i32.rotl (local.get $sum) (i32.const 5))
      (i32.load (local.get $at))))
    (br_if $more (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4)))
      (i32.const 65536))))
  (local.get $sum))`;

/**
 * A core that says that there is one application: its length and capabilities are in slot 5.
 * Statistics: 0 what it was told, 1 whether its memory is as it was, 2 calls of the bridge.
 */
export function playedCore(): string {
  const one = "(param i32) (result i32)";
  const secret = "the core's memory is none of the application's business";
  return stub({
    bodies: {
      start: "(global.set $before (call $sum)) (i32.const 0)",
      publish: counted("(i32.const 1)"),
      register_function: counted("(i32.const 0)"),
      register_variable: counted("(i32.const 0)"),
      subscribe: counted("(i32.const 0)"),
      connect: counted("(i32.const 0)"),
      set_keepalive: counted("(i32.const 0)"),
      statistic: `(if (i32.eqz (local.get 0)) (then (return (global.get $fault))))
        (if (i32.eq (local.get 0) (i32.const 1))
          (then (return (i32.eq (call $sum) (global.get $before)))))
        (global.get $calls)`,
    },
    extra: `${SUM}
      (data (i32.const 8192) "${secret}") (data (i32.const 65000) "${secret}")
      (global $before (mut i32) (i32.const 0)) (global $fault (mut i32) (i32.const 0))
      (global $calls (mut i32) (i32.const 0))
      (func (export "update_open") ${one}
        (i32.eq (call $storage_read (i32.const 5) (i32.const 512) (i32.const 8)) (i32.const 8)))
      (func (export "application_image") (result i32) (i32.const 0))
      (func (export "application_length") (result i32) (i32.load (i32.const 512)))
      (func (export "application_version") (result i32) (i32.const 7))
      (func (export "application_capabilities") (result i32) (i32.load (i32.const 516)))
      (func (export "application_verify") (result i32) (i32.const 0))
      (func (export "application_begin") ${one} (i32.const 0))
      (func (export "application_healthy") ${one} (i32.const 0))
      (func (export "application_fault") (param i32 i32) (result i32)
        (global.set $fault (local.get 0)) (i32.const 0))
      (func (export "update_enable") (param i32 i32) (result i32) (i32.const 0))
      (func (export "update_gate") ${one} (i32.const 0))
      (func (export "update_apply") ${one} (i32.const 0))
      (func (export "update_info") ${one} (local.get 0))
      (func (export "queue_state") ${one} (i32.const 1))
      (func (export "queue_cancel") ${one} (i32.const 0))
      (func (export "queue_policy") ${one} (i32.const 0))
      (func (export "queue_pacing") (param i32 i32) (result i32) (i32.const 0))
      (func (export "queue_pending") (result i32) (i32.const 3))
      (func (export "max_event_data") (result i32) (i32.const 864))`,
  });
}

export class ApplicationHost {
  private readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-application-"));

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Assemble texts. @returns the modules by name */
  assemble(set: string, texts: Record<string, string>): string {
    const modules = path.join(this.folder, set);
    mkdirSync(modules, { recursive: true });
    const script = path.join(__dirname, "assemble.mjs");
    execFileSync(process.execPath, [script, modules], {
      input: JSON.stringify({ "played-core": playedCore(), ...texts }),
      stdio: "pipe",
    });
    return modules;
  }

  /**
   * Run modules in one host, each beside a fresh core.
   * @param set name of the set
   * @param texts modules as text, with all capabilities
   * @throws when a sanitizer found something, the core's memory was changed, or memory was lost
   */
  async run(
    set: string,
    texts: Record<string, string>,
    modules: Record<string, Module> = {},
  ): Promise<Record<string, Ending>> {
    const folder = this.assemble(set, texts);
    for (const [name, { bytes }] of Object.entries(modules)) {
      writeFileSync(path.join(folder, `${name}.wasm`), bytes);
    }
    const names = [...Object.keys(texts), ...Object.keys(modules)];
    const parameters = names.flatMap((name) => [
      path.join(folder, `${name}.wasm`),
      String(modules[name]?.capabilities ?? ALL_CAPABILITIES),
    ]);
    const program = await buildNative("application", { sanitize: true });
    const storage = path.join(this.folder, "storage");
    const core = path.join(folder, "played-core.wasm");
    const { code, stdout, stderr } = await execute(program, [storage, core, ...parameters]);
    expect({ code, stdout, stderr: stderr.slice(-4000) }).toMatchObject({ code: 0 });
    const endings: Record<string, Ending> = {};
    for (const line of stdout.trim().split("\n")) {
      const [file, state, fault, memory, calls] = line.split("\t");
      expect({ file, memory }).toEqual({ file, memory: "intact" });
      endings[file.replace(".wasm", "")] = { state, fault, calls: Number(calls) };
    }
    expect(Object.keys(endings)).toEqual(names);
    return endings;
  }
}

function execute(
  program: string,
  parameters: string[],
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program, parameters, { timeout: 120_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}
