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

export function verifyTotp(secret: Uint8Array, otp: string, now: number): boolean {
  if (!/^\d{6}$/.test(otp)) return false;
  let match = false;
  for (let step = -DRIFT_STEPS; step <= DRIFT_STEPS; step++) {
    const expected = totp(secret, Math.max(0, now + step * STEP_MS));
    if (timingSafeEqual(Buffer.from(otp), Buffer.from(expected))) match = true;
  }
  return match;
}
