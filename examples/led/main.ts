// A lamp: the cloud function `led` takes "on", "off" or "toggle" and switches a pin; the variable `led`
// tells how it is; a change is published. On a board without pins the function says so.

import { Log, Particle, PublishFlag, Status, System, SystemMode, NO_TTL } from "../../assembly/app";
import { PinMode, digitalRead, digitalWrite, pinMode } from "../../assembly/app/board";

const LED: i32 = 7;

/** Cloud function. Returns 1 when the lamp is on, 0 when off; -1 for another word; a Status. */
function led(argument: string): i32 {
  let value = digitalRead(LED);
  if (value < 0) return value;
  if (argument == "on") value = 1;
  else if (argument == "off") value = 0;
  else if (argument == "toggle") value = 1 - value;
  else return -1;
  const status = digitalWrite(LED, value);
  if (status < 0) return status;
  Log.info("the lamp is " + (value ? "on" : "off"));
  // Who is offline meanwhile wants to know how it is, not how it was.
  Particle.publish("led", value ? "on" : "off", NO_TTL, PublishFlag.Coalesce);
  return value;
}

/** Cloud variable. */
function isOn(): bool {
  return digitalRead(LED) == 1;
}

export function setup(): void {
  if (pinMode(LED, PinMode.Output) == Status.NotSupported) Log.warn("this board has no pins");
  Particle.function("led", led);
  Particle.variable<bool>("led", isOn);
  System.mode(SystemMode.Automatic);
}

export function loop(): void {}
