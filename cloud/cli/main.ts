// The command `boson`, as far as it is the cloud's: a local cloud, and what one asks of it. tools/boson adds the rest.

import { Command } from "commander";
import { ApiFailure } from "./api-client";
import { cloudCommand } from "./cloud";
import { deviceCommands } from "./devices";
import { doctorCommand } from "./doctor";
import { eventsCommand } from "./events";
import { keysCommand } from "./keys";
import { loginCommand } from "./login";
import { updateCommands } from "./updates";
import { userCommand } from "./user";

export const program = new Command("boson")
  .description("A local Particle-compatible device cloud, and a client for it")
  .showHelpAfterError();

cloudCommand(program);
loginCommand(program);
userCommand(program);
keysCommand(program);
deviceCommands(program);
updateCommands(program);
eventsCommand(program);
doctorCommand(program);

/** Do what the command line says. */
export function run(): void {
  program.parseAsync().catch((error: Error) => {
    console.error(error instanceof ApiFailure ? error.message : `boson: ${error.message}`);
    process.exitCode = 1;
  });
}
