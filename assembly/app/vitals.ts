// Vitals at an interval; the core sends them when asked (cloud/describe.ts).

import { isDue } from "../util/clock";
import { requestVitals } from "./core";

let interval: u32 = 0;
let dueAt: u32 = 0;

/** @param seconds -1 once, now; 0 once, and none after it; else now and each so many seconds */
export function publishVitals(seconds: i32, now: u32): void {
  requestVitals();
  if (seconds < 0) return;
  interval = seconds * 1000;
  dueAt = now + interval;
}

/** Ask for what is due. */
export function vitalsPoll(now: u32): void {
  if (!interval || !isDue(dueAt, now)) return;
  requestVitals();
  dueAt = now + interval;
}
