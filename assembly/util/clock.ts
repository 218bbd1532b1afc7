// Milliseconds that wrap at 2^32 (49.7 days): order is the sign of the difference.

/** Whether `deadline` has come at `now`. */
// @ts-ignore: decorator
@inline
export function isDue(deadline: u32, now: u32): bool {
  return <i32>(now - deadline) >= 0;
}

/** Milliseconds from `now` until `deadline`; 0 when it has come. */
export function untilDue(deadline: u32, now: u32): i32 {
  const left = <i32>(deadline - now);
  return left > 0 ? left : 0;
}

/** The earlier of two waits in ms, where -1 is "none". */
export function earlier(a: i32, b: i32): i32 {
  if (a < 0) return b;
  if (b < 0) return a;
  return a < b ? a : b;
}
