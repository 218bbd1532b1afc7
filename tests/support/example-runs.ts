// Runs of the examples in virtual time, told line by line: what their READMEs show.

import { BoardFunction } from "../../bindings/node";
import { AppWorld, buildApplication } from "./app-world";
import type { Runtime } from "./app-world";
import { DEVICE_ID } from "./world";
import type { WorldOptions } from "./world";

/** A world that writes down the application's log and what the cloud receives. */
function told(example: string, lines: string[], options: WorldOptions = {}): AppWorld {
  const runtime: Runtime = "minimal";
  const device = { ...options.device, log: (_level: number, text: string) => lines.push(text) };
  const file = buildApplication(`examples/${example}/main.ts`, runtime);
  const world = new AppWorld(file, { ...options, device });
  world.cloud.on("event", ({ name, data }) =>
    lines.push(`cloud: event ${name} ${data.toString()}`),
  );
  return world;
}

async function sensor(lines: string[]): Promise<void> {
  const world = told("sensor", lines);
  world.boot();
  world.live(6000);
  const result = await world.settle(world.cloud.call(DEVICE_ID, "interval", "60"));
  lines.push(`cloud: function interval 60 -> ${result}`);
  const reading = await world.settle(world.cloud.read(DEVICE_ID, "reading"));
  lines.push(`cloud: variable reading is ${String(reading)}`);
  world.cloud.publish("command/led", "on");
  world.live(60_000);
}

async function led(lines: string[]): Promise<void> {
  let pin = 0;
  const board = (call: BoardFunction, _pin: number, value: number): number => {
    if (call === BoardFunction.DigitalWrite) pin = value;
    return call === BoardFunction.DigitalRead ? pin : 0;
  };
  const world = told("led", lines, { device: { board } });
  world.boot();
  world.live(3000);
  for (const argument of ["on", "toggle", "sideways", "toggle"]) {
    const result = await world.settle(world.cloud.call(DEVICE_ID, "led", argument));
    lines.push(`cloud: function led ${argument} -> ${result}`);
    world.live(1000);
  }
  const value = await world.settle(world.cloud.read(DEVICE_ID, "led"));
  lines.push(`cloud: variable led is ${String(value)}`);
  const bare = told("led", lines);
  bare.boot();
  bare.live(3000);
  const result = await bare.settle(bare.cloud.call(DEVICE_ID, "led", "on"));
  lines.push(`cloud: function led on -> ${result}`);
}

function logger(lines: string[]): Promise<void> {
  const world = told("logger", lines);
  world.boot();
  world.live(65_000);
  lines.push("(no network for three minutes)");
  world.tamper = () => undefined;
  world.core.exports.link_down(world.deviceNow);
  world.opensLinks = false;
  world.live(180_000);
  lines.push("(power cut; then the network is back)");
  world.opensLinks = true;
  world.tamper = (_direction, bytes) => bytes;
  world.startDevice();
  world.boot();
  world.live(10_000);
  return Promise.resolve();
}

const RUNS = { sensor, led, logger };

export type Example = keyof typeof RUNS;
export const EXAMPLES = Object.keys(RUNS) as Example[];

/** Run an example. @returns what it and the cloud said */
export async function runExample(example: Example): Promise<string[]> {
  const lines: string[] = [];
  await RUNS[example](lines);
  return lines;
}
