// Spread of retransmission times: xorshift32, seeded once from the host's random source. Only
// timing depends on it; nothing secret and no nonce ever does.

let state: u32 = 0x2545f491;

/** Seed from 32 random bits; 0 is replaced. */
export function seedJitter(seed: u32): void {
  state = seed | 1;
}

/** The next value, uniform in 0...255. */
export function nextJitter(): u32 {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 24;
}
