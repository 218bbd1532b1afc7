// One-time passwords of an authenticator app: RFC 6238 with SHA-1, 6 digits and 30 s, RFC 4226 §5.3.

import { createHmac, timingSafeEqual } from "node:crypto";

const STEP_MS = 30_000;
/** Steps that a clock may be off, either way (RFC 6238 §5.2). */
const DRIFT_STEPS = 1;

/** @param time ms since 1970 */
export function totp(secret: Uint8Array, time: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(time / STEP_MS)));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = mac[19] & 0xf;
  const code = (mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000;
  return String(code).padStart(6, "0");
}

/** @returns the number of the 30 s that a one-time password belongs to; undefined when it is wrong */
export function stepOfTotp(secret: Uint8Array, otp: string, now: number): number | undefined {
  if (!/^\d{6}$/.test(otp)) return undefined;
  const current = Math.floor(now / STEP_MS);
  let match: number | undefined;
  for (let step = Math.max(0, current - DRIFT_STEPS); step <= current + DRIFT_STEPS; step++) {
    const expected = totp(secret, step * STEP_MS);
    if (timingSafeEqual(Buffer.from(otp), Buffer.from(expected))) match = step;
  }
  return match;
}
