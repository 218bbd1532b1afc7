// boson build: an application's source becomes an application module, which is to be signed then.

import { existsSync, writeFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { capabilityNames } from "../application/bridge";
import { RUNTIMES, buildApplicationModule } from "../application/build";
import type { BuildFigures, Runtime } from "../application/build";

interface BuildFlags {
  out?: string;
  runtime: Runtime;
  memory?: number;
  json: boolean;
}

export function buildCommand(program: Command): void {
  program
    .command("build <source>")
    .description("build an application module")
    .option("--out <file>", "module to write (default: beside the source, .wasm)")
    .addOption(
      new Option("--runtime <name>", "memory of strings and objects")
        .choices(RUNTIMES)
        .default("small"),
    )
    .option("--memory <KiB>", "linear memory that it gets (default: 64)", kibibytesOf)
    .option("--json", "print the figures as JSON", false)
    .addHelpText(
      "after",
      '\nThe source imports from "wboson" and exports setup() and loop(). What it calls is what it' +
        "\nmay do: boson sign writes that down.",
    )
    .action(async (source: string, flags: BuildFlags) => {
      if (!existsSync(source)) throw new Error(`${source}: no such file`);
      const out = flags.out ?? `${source.replace(/\.ts$/, "")}.wasm`;
      const { runtime, memory, json } = flags;
      const { module, figures } = await buildApplicationModule(source, { runtime, memory });
      writeFileSync(out, module);
      console.log(json ? JSON.stringify({ file: out, ...figures }) : textOf(out, figures));
    });
}

function textOf(
  file: string,
  { wasm, staticRam, memory, runtime, capabilities }: BuildFigures,
): string {
  const may = capabilityNames(capabilities).join(", ") || "nothing";
  return [
    `${file}: ${wasm} bytes, runtime ${runtime}`,
    `static RAM ${staticRam} of ${memory} bytes`,
    `may: ${may}`,
  ].join("\n");
}

/** KiB as bytes. */
function kibibytesOf(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 64) {
    throw new InvalidArgumentError("It is a whole number of KiB from 1 to 64.");
  }
  return value * 1024;
}
