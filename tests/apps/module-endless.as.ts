// An application module that never comes back, a second after its start.

import { Particle, millis } from "../../assembly/app";

let startedAt: u32 = 0;

export function setup(): void {
  startedAt = millis();
  Particle.connect();
}

export function loop(): void {
  if (millis() - startedAt < 1000) return;
  // Not the time: that stands still during a call.
  while (load<u32>(0) != 0xffffffff) store<u32>(0, 1);
}
