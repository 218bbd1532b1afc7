// Measured round trips, for the retransmission timers of both layers, after the idea of RFC 6298 §2
// and with the upper bound of RFC 9147 §5.8.2. A slow network raises the timers; none makes them
// shorter than the protocol's own, which leave room for a server that is busy.

/** No timer waits longer than this for one answer, ms. */
const MAX_TIMEOUT: i32 = 60000;

/** Smoothed round trip and its variation, ms; -1 before the first sample. */
let smoothed: i32 = -1;
let variation: i32 = 0;

/** Note a round trip of `ms`; longer ones than MAX_TIMEOUT are left out. */
export function roundTripSample(ms: i32): void {
  if (ms < 0 || ms > MAX_TIMEOUT) return;
  if (smoothed < 0) {
    roundTripRestore(ms);
    return;
  }
  // Loss makes a sample too long (the peer's own repetition came), never too short: a shorter one
  // counts at once, a longer one by and by.
  const error = ms - smoothed;
  if (error < 0) {
    smoothed += error >> 1;
    variation -= variation >> 2;
  } else {
    smoothed += error >> 3;
    variation += (error - variation) >> 2;
  }
}

/** Begin with a round trip known from before: of the stored session. */
export function roundTripRestore(ms: i32): void {
  smoothed = ms;
  variation = ms >> 4;
}

/** Smoothed round trip, ms; -1 before the first sample. */
export function roundTrip(): i32 {
  return smoothed;
}

/** Time to wait for an answer, ms: `floor`, or more where round trips are longer. */
export function retransmissionTimeout(floor: i32): i32 {
  return min(max(floor, smoothed + 4 * variation), MAX_TIMEOUT);
}
