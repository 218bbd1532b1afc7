// An application module that behaves: publishes "alive" with its version each second, has a function, a
// variable and a subscription.

import { CloudVariable, Log, Particle, System, millis } from "../../assembly/app";

let loops: CloudVariable<i32> | null = null;
let saidAt: u32 = 0;
let hasSaid: bool = false;

/** "publish": an event with the version; "hold", "apply", "confirm": of updates; else the length. */
function ask(argument: string): i32 {
  if (argument == "publish") return Particle.publish("asked", System.version().toString());
  if (argument == "hold") return System.holdUpdates(true);
  if (argument == "apply") return System.applyUpdate();
  if (argument == "confirm") return System.confirmUpdate();
  return argument.length;
}

function readVersion(): i32 {
  return System.version();
}

function onCommand(name: string, data: string): void {
  Log.info("received " + name + ": " + data);
  Particle.publish("answer", data);
}

export function setup(): void {
  Log.info("version " + System.version().toString());
  Particle.function("ask", ask);
  Particle.variable<i32>("version", readVersion);
  loops = Particle.variableOf<i32>("loops", 0);
  Particle.subscribe("command", onCommand);
  Particle.connect();
}

export function loop(): void {
  loops!.value += 1;
  if (hasSaid && millis() - saidAt < 1000) return;
  hasSaid = true;
  saidAt = millis();
  Particle.publish("alive", System.version().toString());
}
