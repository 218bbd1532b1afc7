// boson login: get a token and keep it.

import type { Command } from "commander";
import { ApiClient } from "./api-client";
import { askPassword } from "./ask";
import { printResult } from "./line-printer";
import { profilePath, readProfile, writeProfile } from "./profile";

export function loginCommand(program: Command): void {
  program
    .command("login")
    .description("log in and keep the token")
    .option("--url <url>", "address of the API")
    .option("--user <name>", "user name", "dev")
    .option("--json", "print where and as whom as JSON", false)
    .addHelpText("after", "\nThe password is BOSON_PASSWORD, or the next line of the input.")
    .action(async (flags: { url?: string; user: string; json: boolean }) => {
      const url = (flags.url ?? readProfile().url).replace(/\/+$/, "");
      const password = await askPassword(flags.user);
      const token = await new ApiClient({ url }).login(flags.user, password);
      writeProfile({ url, token });
      const profile = profilePath();
      const text = `logged in at ${url} as ${flags.user}; the token is in ${profile}`;
      printResult(flags.json, { url, username: flags.user, profile }, text);
    });
}
