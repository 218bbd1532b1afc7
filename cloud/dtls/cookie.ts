// Stateless cookies: a client proves that it receives at its address before anything is stored for it (RFC 6347 §4.2.1).

import { createHmac, timingSafeEqual } from "node:crypto";
import type { ClientHello } from "./client-hello";

/** Bytes of a cookie. It crosses the air twice; 64 bits are plenty for a value that lives a minute. */
export const COOKIE_LENGTH = 8;
const ROTATION_MS = 60_000;

export class CookieSecret {
  private current: Uint8Array;
  private previous: Uint8Array;
  private rotatedAt: number | undefined;

  constructor(private readonly random: (length: number) => Uint8Array) {
    this.current = random(32);
    this.previous = this.current;
  }

  /** HMAC-SHA-256 over the address and the ClientHello without its cookie and extensions, cut to 8 bytes. */
  issue(address: string, hello: ClientHello, now: number): Buffer {
    this.rotate(now);
    return mac(this.current, address, hello);
  }

  /** Was the ClientHello's cookie issued to this address for these parameters, 0 to 120 s ago? */
  isValid(address: string, hello: ClientHello, now: number): boolean {
    this.rotate(now);
    if (hello.cookie.length !== COOKIE_LENGTH) return false;
    return (
      timingSafeEqual(hello.cookie, mac(this.current, address, hello)) ||
      timingSafeEqual(hello.cookie, mac(this.previous, address, hello))
    );
  }

  private rotate(now: number): void {
    this.rotatedAt ??= now;
    const age = now - this.rotatedAt;
    if (age < ROTATION_MS) return;
    this.previous = age < 2 * ROTATION_MS ? this.current : this.random(32);
    this.current = this.random(32);
    this.rotatedAt = now;
  }
}

function mac(secret: Uint8Array, address: string, hello: ClientHello): Buffer {
  return createHmac("sha256", secret)
    .update(`${address}\0`)
    .update(hello.parameters)
    .digest()
    .subarray(0, COOKIE_LENGTH);
}
