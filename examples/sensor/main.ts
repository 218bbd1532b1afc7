// A sensor: publishes a reading every five seconds, has an interval that the cloud can set, shows its
// last reading as a variable, and listens to commands.

import { Log, Particle, millis } from "../../assembly/app";

let interval: u32 = 5000;
let lastAt: u32 = 0;
let reading: i32 = 215;
let count: i32 = 0;

/** Cloud function: seconds between readings, 1...3600. Returns the new value, or -1. */
function setInterval(argument: string): i32 {
  const seconds = I32.parseInt(argument);
  if (seconds < 1 || seconds > 3600) return -1;
  interval = seconds * 1000;
  Log.info("interval is now " + seconds.toString() + " s");
  return seconds;
}

/** Cloud variable: the last reading in tenths of a degree. */
function lastReading(): i32 {
  return reading;
}

function onCommand(name: string, data: string): void {
  Log.info("received " + name + ": " + data);
  Particle.publish("ack", data);
}

/** A made-up temperature: 20.0 ... 22.9 degrees. */
function measure(): i32 {
  count += 1;
  return 200 + ((count * 7) % 30);
}

export function setup(): void {
  Particle.function("interval", setInterval);
  Particle.variable<i32>("reading", lastReading);
  Particle.subscribe("command", onCommand);
  Particle.connect();
}

export function loop(): void {
  if (count > 0 && millis() - lastAt < interval) return;
  lastAt = millis();
  reading = measure();
  const data = '{"tenths":' + reading.toString() + "}";
  // Queued while there is no connection; after a reboot it is the first packet that goes out.
  const status = Particle.publish("temp", data);
  if (status < 0) Log.warn("not published: " + status.toString());
}
