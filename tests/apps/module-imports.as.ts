// An application module that asks for what no host gives to applications: the device's keys.

import { Particle } from "../../assembly/app";

// @ts-ignore: decorator
@external("hal", "storage_read")
declare function storageRead(slot: i32, buffer: usize, capacity: i32): i32;

const KEY: usize = memory.data(128, 4);

export function setup(): void {
  storageRead(1, KEY, 128);
  Particle.connect();
}

export function loop(): void {}
