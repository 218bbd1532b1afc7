// An application module that traps a second after its start: it reads beyond its memory.

import { Particle, millis } from "../../assembly/app";

let startedAt: u32 = 0;

export function setup(): void {
  startedAt = millis();
  Particle.connect();
}

export function loop(): void {
  if (millis() - startedAt < 1000) return;
  store<u8>(0, load<u8>(0xfffffff0));
}
