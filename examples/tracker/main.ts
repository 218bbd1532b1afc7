// A tracker that sleeps: every ten minutes it wakes, publishes where it is, and sleeps again as soon
// as the cloud has acknowledged it. No strings, no objects: the module has no heap and no runtime.

import { Particle, PublishOption, NO_TTL, System, millis, publishBytes } from "../../assembly/app";

/** Event "p": position and battery, 7 bytes. */
const NAME: usize = memory.data<u8>([0x70]);
const FIX: usize = memory.data(7, 1);
const FIX_SIZE: i32 = 7;
const OCTETS: u32 = 42;
const SLEEP_SECONDS: u32 = 600;

/** What a GNSS receiver would say, degrees / 10^7. Made up: it drifts with the clock. */
function latitude(): i32 {
  return 525163000 + <i32>(millis() % 1000);
}

function longitude(): i32 {
  return 133777000 - <i32>(millis() % 1000);
}

/** 24 bits of a coordinate: steps of 180 degrees / 2^23, 2.4 m at most. */
function put(at: usize, degrees: i32): void {
  const steps = <i32>((<i64>degrees * (1 << 23)) / 1800000000);
  store<u8>(at, steps >> 16);
  store<u8>(at + 1, steps >> 8);
  store<u8>(at + 2, steps);
}

export function setup(): void {
  put(FIX, latitude());
  put(FIX + 3, longitude());
  store<u8>(FIX + 6, 87); // battery, percent
  publishBytes(NAME, 1, FIX, FIX_SIZE, OCTETS, NO_TTL, PublishOption.Acknowledged);
  Particle.connect();
  // Ten minutes: without a goodbye, which would cost more than the position.
  System.sleep(SLEEP_SECONDS, false);
}

export function loop(): void {}
