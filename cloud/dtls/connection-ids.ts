// The connection ids that this server gives out: 8 random bytes, or fewer in the standard profile if that is asked for.
// A record does not say how long its id is (RFC 9146 §4), so the first bit tells short ids from long ones.

import { AlertDescription, HandshakeError } from "./protocol";
import type { Profile } from "./negotiation";

/** Devices of the Particle profile accept connection ids of exactly this many bytes. */
export const CONNECTION_ID_LENGTH = 8;

/** Draws before the space of short ids counts as full. */
const MAX_DRAWS = 4096;

export class ConnectionIds {
  /** @param standardLength bytes of an id in the standard profile, 1 to 8 */
  constructor(
    private readonly standardLength: number,
    private readonly random: (length: number) => Uint8Array,
  ) {
    if (!Number.isInteger(standardLength) || standardLength < 1 || standardLength > 8) {
      throw new Error(`connection ids of ${standardLength} bytes`);
    }
  }

  /** Bytes of the id that begins with this byte. */
  readonly lengthOf = (first: number): number =>
    (first & 0x80) !== 0 ? this.standardLength : CONNECTION_ID_LENGTH;

  /** Could this server have given it out, as it is set up now? */
  isValid(connectionId: Buffer): boolean {
    return connectionId.length === this.lengthOf(connectionId[0] ?? 0);
  }

  /** Draw an id that is not taken. @throws HandshakeError when there is none left */
  draw(profile: Profile, taken: (id: Buffer) => boolean): Buffer {
    const short = profile === "standard" && this.standardLength < CONNECTION_ID_LENGTH;
    const length = short ? this.standardLength : CONNECTION_ID_LENGTH;
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const id = Buffer.from(this.random(length));
      if (short) id[0] |= 0x80;
      else if (this.standardLength < CONNECTION_ID_LENGTH) id[0] &= 0x7f;
      if (!taken(id)) return id;
    }
    throw new HandshakeError(AlertDescription.InternalError, "no connection id is free");
  }
}
