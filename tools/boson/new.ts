// boson new: a folder with an application that builds and runs at once.

import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";

const TEMPLATE = resolve(__dirname, "../../examples/template");
/** Files that have another name here, so that they do not act here. */
const RENAMED: Record<string, string> = { gitignore: ".gitignore" };

export function newCommand(program: Command): void {
  program
    .command("new <folder>")
    .description("make a folder with an application to begin with")
    .action((folder: string) => {
      if (existsSync(folder) && readdirSync(folder).length > 0) {
        throw new Error(`${folder} is not empty`);
      }
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(TEMPLATE)) {
        copyFileSync(join(TEMPLATE, name), join(folder, RENAMED[name] ?? name));
      }
      console.log(`${folder}: boson build ${join(folder, "app.ts")}`);
    });
}
