// An application module that publishes far more than anybody takes, a second after its start.

import { Particle, millis } from "../../assembly/app";

let startedAt: u32 = 0;

export function setup(): void {
  startedAt = millis();
  Particle.connect();
}

export function loop(): void {
  if (millis() - startedAt < 1000) return;
  for (let i = 0; i < 50; i++) Particle.publish("flood", "water");
}
