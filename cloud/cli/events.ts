// boson events: events as they come, one JSON line each.

import type { Command } from "commander";
import { ApiClient, devicePath } from "./api-client";
import { countOf } from "./options";

interface EventFlags {
  device?: string;
  count?: number;
}

export function eventsCommand(program: Command): void {
  program
    .command("events [prefix]")
    .description("print events as they come")
    .option("--device <device>", "only of this device")
    .option("--count <number>", "end after so many", countOf)
    .action(async (prefix: string | undefined, { device, count = Infinity }: EventFlags) => {
      const base = device === undefined ? "/v1/devices/events" : devicePath(device, "events");
      const path = prefix === undefined ? base : `${base}/${encodeURIComponent(prefix)}`;
      let printed = 0;
      for await (const event of parseEvents(new ApiClient().stream(path))) {
        console.log(JSON.stringify(event));
        if (++printed >= count) return;
      }
      throw new Error("the cloud has ended the stream");
    });
}

/** Events of a stream: blocks of "field: value" lines, ended by an empty one (WHATWG HTML §9.2.5). */
export async function* parseEvents(
  text: AsyncIterable<string>,
): AsyncGenerator<{ name: string; [field: string]: unknown }> {
  let rest = "";
  for await (const piece of text) {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      // Signs of life leave empty lines in front.
      const name = /^event: ?(.*)$/m.exec(block)?.[1];
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (name !== undefined && data !== undefined) yield { name, ...(JSON.parse(data) as object) };
    }
  }
}
