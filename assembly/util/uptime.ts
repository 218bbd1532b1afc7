// Milliseconds since the start as a number that does not wrap: the wrapping clock of the host, with
// its wraps counted. It must be told the time at least every 49.7 days.

let last: u32 = 0;
let total: u64 = 0;

/** Tell the time. @param now ms, wrapping @returns ms since the first call, not wrapping */
export function uptimeAdvance(now: u32): u64 {
  if (total == 0) last = now - 1;
  total += now - last;
  last = now;
  return total;
}

/** Milliseconds since the first call, as of the last one; 0 before it. */
export function uptime(): u64 {
  return total;
}
