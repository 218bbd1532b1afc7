// The application of docs/porting.md, taken from the page: it compiles, and does what its C++ says.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { BoardFunction } from "../../bindings/node";
import { AppWorld, buildApplication } from "../support/app-world";
import { projectRoot } from "../support/fixture";
import { DEVICE_ID } from "../support/world";

const page = readFileSync(path.join(projectRoot, "docs/porting.md"), "utf8");

/** The listing in a language. */
function listing(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(page)![1];
}

test("a ported application compiles and runs", async () => {
  // Two folders below the root, as the imports of the page have it.
  const folder = path.join(projectRoot, "build", "ported");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "main.ts"), listing("ts"));
  const pins: Record<number, number> = { 10: 321 };
  const board = (call: BoardFunction, pin: number, value: number): number => {
    if (call === BoardFunction.DigitalWrite) pins[pin] = value;
    return call === BoardFunction.PinMode ? 0 : (pins[pin] ?? 0);
  };
  const file = buildApplication("build/ported/main.ts", "minimal");
  const world = new AppWorld(file, { device: { board } });
  world.boot();
  world.live(16_000);
  expect(world.received.map(({ name, data }) => `${name} ${data.toString()}`)).toEqual([
    "light 321",
    "light 321",
    "light 321",
  ]);
  const call = (argument: string): Promise<number> =>
    world.settle(world.cloud.call(DEVICE_ID, "lamp", argument));
  expect([await call("on"), await call("off"), await call("?")]).toEqual([1, 0, -1]);
  expect(await world.settle(world.cloud.read(DEVICE_ID, "light"))).toBe(321);
  world.cloud.publish("alarm/fire", "now");
  world.live(1000);
  expect(world.deviceLog).toContain("alarm now");
  expect(pins[7]).toBe(1);
});

test("both listings are of the same length in calls: nothing was added but the mode", () => {
  const calls = (text: string): string[] =>
    [
      ...text
        .replace(/^#include.*$/m, "")
        .matchAll(/\b(Particle|Log)\.\w+|\b(digital|analog)(Read|Write)\b(?=\()|\bpinMode\(/g),
    ]
      .map(([found]) => found.replace("variableOf", "variable"))
      .sort();
  expect(calls(listing("ts"))).toEqual(calls(listing("cpp")));
});
