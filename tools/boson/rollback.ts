// boson rollback: a signed command that lets a device go back.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { countOf } from "../../cloud/cli/options";
import { flash } from "../../cloud/cli/updates";
import { readUpdateKey, signCommand } from "../application/sign";

interface RollbackFlags {
  key: string;
  sequence?: number;
  json: boolean;
}

export function rollbackCommand(program: Command): void {
  program
    .command("rollback <device>")
    .description("back to the application that ran before")
    .requiredOption("--key <file>", "update key, PEM (boson update-keys new)")
    .option("--sequence <number>", "above that of the last command (default: the time)", countOf)
    .option("--json", "print the end of it as JSON", false)
    .action(async (device: string, flags: RollbackFlags) => {
      const key = readUpdateKey(readFileSync(flags.key));
      const sequence = flags.sequence ?? Math.floor(Date.now() / 1000);
      const image = signCommand("rollback", key, { sequence });
      await flash(device, "rollback.image", image, { wait: false, json: flags.json });
    });
}
