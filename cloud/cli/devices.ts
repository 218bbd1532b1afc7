// boson list, call, get, publish: what devices do when asked.

import type { Command } from "commander";
import { ApiClient, devicePath } from "./api-client";
import { printResult } from "./line-printer";

/** Of each command here. */
interface Flags {
  json: boolean;
}
const JSON_FLAG = ["--json", "print the answer as JSON", false] as const;

export function deviceCommands(program: Command): void {
  program
    .command("list")
    .description("your devices")
    .option(...JSON_FLAG)
    .action(async ({ json }: Flags) => {
      const devices = await new ApiClient().request<Record<string, unknown>[]>(
        "GET",
        "/v1/devices",
      );
      const lines = devices.map(({ id, name, online, last_heard: heard }) =>
        [id, online ? "online " : "offline", heard ?? "never heard", name].join("  "),
      );
      printResult(json, devices, lines.join("\n"));
    });
  program
    .command("claim <id>")
    .description("make a device yours")
    .option(...JSON_FLAG)
    .action(async (id: string, { json }: Flags) => {
      const answer = await new ApiClient().request("POST", "/v1/devices", { id });
      printResult(json, answer, `${id} is yours`);
    });
  program
    .command("call <device> <function> [argument]")
    .description("call a function, print the number that it returns")
    .option(...JSON_FLAG)
    .action(async (device: string, name: string, argument = "", { json }: Flags) => {
      const path = devicePath(device, name);
      const answer = await new ApiClient().request("POST", path, { args: argument });
      printResult(json, answer, String(answer.return_value));
    });
  program
    .command("get <device> <variable>")
    .description("read a variable, print its value")
    .option(...JSON_FLAG)
    .action(async (device: string, name: string, { json }: Flags) => {
      const answer = await new ApiClient().request("GET", devicePath(device, name));
      printResult(json, answer, String(answer.result));
    });
  program
    .command("publish <event> [data]")
    .description("publish an event to your devices")
    .option(...JSON_FLAG)
    .action(async (name: string, data: string | undefined, { json }: Flags) => {
      const body = { name, data };
      const answer = await new ApiClient().request("POST", "/v1/devices/events", body);
      printResult(json, answer, "");
    });
}
