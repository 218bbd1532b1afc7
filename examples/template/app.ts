// An application: `setup()` runs once, `loop()` again and again. Neither may block.

import { Log, Particle, System, millis } from "wboson";

let publishedAt: u32 = 0;
let count: i32 = 0;

/** Cloud function: `boson call DEVICE hello world`. Returns the length of the argument. */
function hello(argument: string): i32 {
  Log.info("hello " + argument);
  return argument.length;
}

/** Cloud variable: `boson get DEVICE count`. */
function readCount(): i32 {
  return count;
}

export function setup(): void {
  Log.info("version " + System.version().toString());
  Particle.function("hello", hello);
  Particle.variable<i32>("count", readCount);
  Particle.connect();
}

export function loop(): void {
  if (count > 0 && millis() - publishedAt < 10000) return;
  publishedAt = millis();
  count += 1;
  Particle.publish("count", count.toString());
}
