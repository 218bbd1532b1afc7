// Receive window over 48-bit record numbers of one epoch (RFC 6347 §4.1.2.6): 64 numbers below
// the highest one accepted. `check` before decryption, `accept` only after the tag was right.

let top: u64 = 0;
let seen: u64 = 0;

/** Forget everything: the next number accepted may be any, 0 included. */
export function replayReset(): void {
  top = 0;
  seen = 0;
}

/** Treat `highest` and all below it as received. */
export function replayClose(highest: u64): void {
  top = highest;
  seen = ~(<u64>0);
}

/** Highest number accepted; 0 when none was. */
export function replayTop(): u64 {
  return top;
}

/** Whether `number` is new and not older than the window. */
export function replayCheck(number: u64): bool {
  if (number > top) return true;
  const age = top - number;
  return age < 64 && ((seen >> age) & 1) == 0;
}

/** Mark `number`, which `replayCheck` let pass, as received. */
export function replayAccept(number: u64): void {
  if (number > top) {
    const step = number - top;
    seen = step < 64 ? (seen << step) | 1 : 1;
    top = number;
  } else {
    seen |= (<u64>1) << (top - number);
  }
}
