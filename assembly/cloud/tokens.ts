// Tokens of our own requests: one byte, counted up (RFC 7252 §5.3.1; the channel is DTLS, so they
// need not be hard to guess). They match a separate response to its request.

const TOKEN: usize = memory.data(1, 1);
let last: u32 = 0;

/** Start somewhere else after each boot, so that an old answer does not fit a new request. */
export function seedTokens(seed: u32): void {
  last = seed & 0xff;
}

/** A new token. @returns where its one byte stands; it holds until the next call */
export function newToken(): usize {
  last = (last + 1) & 0xff;
  store<u8>(TOKEN, last);
  return TOKEN;
}

/** Value of the token made last. */
export function lastToken(): u32 {
  return last;
}
