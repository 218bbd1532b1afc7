import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** The root folder of the project. */
export const projectRoot = path.resolve(__dirname, "../..");

/** A small project in a temporary folder, for trying the tools on. */
export class Fixture {
  readonly root = mkdtempSync(path.join(os.tmpdir(), "wboson-"));

  /** Write files; names are relative to the fixture. */
  write(files: Record<string, string>): this {
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(this.root, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return this;
  }

  /** Copy files of the project to the same place in the fixture. */
  copy(...names: string[]): this {
    for (const name of names) {
      mkdirSync(path.dirname(path.join(this.root, name)), { recursive: true });
      copyFileSync(path.join(projectRoot, name), path.join(this.root, name));
    }
    return this;
  }

  /** Let the fixture use the packages of the project. */
  linkPackages(): this {
    symlinkSync(path.join(projectRoot, "node_modules"), path.join(this.root, "node_modules"));
    return this;
  }

  /** Run a script of the project with Node. */
  run(script: string, ...options: string[]): { exitCode: number | null; output: string } {
    const file = path.join(projectRoot, script);
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...options], {
      cwd: this.root,
      encoding: "utf8",
    });
    return { exitCode: status, output: stdout + stderr };
  }

  /** Run one of tools/check/ on the fixture. */
  check(name: string): { exitCode: number | null; output: string } {
    return this.run(`tools/check/${name}.mjs`, this.root);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
