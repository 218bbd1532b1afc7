// Runs hostile modules, one after the other, in one process that sanitizers watch (hostile.c).

import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { openCloudDirectory, provisionDevice } from "../../cloud";
import { projectRoot } from "../support/fixture";
import { buildNative } from "../support/native-build";
import type { NativeCrypto } from "../support/native-build";

/** Every module of a set ends in the same error. */
export function all(names: string[], error: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, error]));
}

export class HostileHost {
  private readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-hostile-"));
  /** The slots of a provisioned device. */
  readonly storage = path.join(this.folder, "storage");

  constructor(private readonly crypto?: NativeCrypto) {
    const cloudDirectory = path.join(this.folder, "cloud");
    openCloudDirectory(cloudDirectory);
    provisionDevice({ cloudDirectory, deviceDirectory: this.storage });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Run modules in one host.
   * @param name of the set
   * @returns name of the error by module, all of what was printed
   */
  async outcomes(
    name: string,
    texts: Record<string, string>,
    binaries: Record<string, Uint8Array> = {},
  ): Promise<Record<string, string>> {
    const modules = path.join(this.folder, name);
    mkdirSync(modules);
    const assemble = [path.join(__dirname, "assemble.mjs"), modules];
    execFileSync(process.execPath, assemble, { input: JSON.stringify(texts), stdio: "pipe" });
    for (const [file, bytes] of Object.entries(binaries)) {
      writeFileSync(path.join(modules, `${file}.wasm`), bytes);
    }
    // Last, the proof that the host is intact: the core starts and connects.
    copyFileSync(path.join(projectRoot, "build/boson.wasm"), path.join(modules, "core.wasm"));
    const names = [...Object.keys(texts), ...Object.keys(binaries), "core"];
    const program = await buildNative("hostile", { sanitize: true, crypto: this.crypto });
    const files = names.map((file) => path.join(modules, `${file}.wasm`));
    const { code, stdout, stderr } = await new Promise<{
      code: unknown;
      stdout: string;
      stderr: string;
    }>((resolve) => {
      execFile(program, [this.storage, ...files], { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? error.code : 0, stdout, stderr }),
      );
    });
    expect({ code, stdout, stderr: stderr.slice(0, 4000) }).toMatchObject({ code: 0 });
    const found: Record<string, string> = {};
    for (const line of stdout.trim().split("\n")) {
      const [file, error] = line.split("\t");
      found[file.replace(".wasm", "")] = error;
    }
    expect(Object.keys(found)).toEqual(names);
    expect(found.core).toBe("Ok");
    delete found.core;
    return found;
  }
}
