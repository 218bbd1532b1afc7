// boson list, call, get, publish: what devices do when asked.

import type { Command } from "commander";
import { ApiClient, devicePath } from "./api-client";

export function deviceCommands(program: Command): void {
  program
    .command("list")
    .description("your devices")
    .action(async () => {
      const devices = await new ApiClient().request<Record<string, unknown>[]>(
        "GET",
        "/v1/devices",
      );
      for (const { id, name, online, last_heard: heard } of devices) {
        console.log([id, online ? "online " : "offline", heard ?? "never heard", name].join("  "));
      }
    });
  program
    .command("claim <id>")
    .description("make a device yours")
    .action(async (id: string) => {
      await new ApiClient().request("POST", "/v1/devices", { id });
      console.log(`${id} is yours`);
    });
  program
    .command("call <device> <function> [argument]")
    .description("call a function, print the number that it returns")
    .action(async (device: string, name: string, argument = "") => {
      const path = devicePath(device, name);
      const answer = await new ApiClient().request("POST", path, { args: argument });
      console.log(answer.return_value);
    });
  program
    .command("get <device> <variable>")
    .description("read a variable, print its value")
    .action(async (device: string, name: string) => {
      const answer = await new ApiClient().request("GET", devicePath(device, name));
      console.log(answer.result);
    });
  program
    .command("publish <event> [data]")
    .description("publish an event to your devices")
    .action(async (name: string, data?: string) => {
      await new ApiClient().request("POST", "/v1/devices/events", { name, data });
    });
}
