// Message IDs of the peer that were seen lately, with the reply that each got (RFC 7252 §4.5).

/** How long a message ID may not be used anew (RFC 7252 §4.8.2). Devices only repeat within 90 s. */
export const EXCHANGE_LIFETIME_MS = 247_000;
const MAX_ENTRIES = 1024;
/** Entries that are worth storing: what a device may still repeat after the cloud restarted. */
const MAX_STORED = 32;

interface Seen {
  receivedAt: number;
  reply?: Buffer;
}

/** One entry as JSON; the reply is hex. */
export interface StoredDuplicate {
  messageId: number;
  ageMs: number;
  reply?: string;
}

export class Duplicates {
  private readonly seen = new Map<number, Seen>();

  /** @returns the entry when this message ID was seen before; else undefined, and it is remembered now */
  note(messageId: number, now: number): { reply?: Buffer } | undefined {
    this.expire(now);
    const before = this.seen.get(messageId);
    if (before) return before;
    this.seen.set(messageId, { receivedAt: now });
    return undefined;
  }

  /** Keep the reply, to repeat it when the message is repeated. */
  setReply(messageId: number, reply: Buffer): void {
    const entry = this.seen.get(messageId);
    if (entry) entry.reply = reply;
  }

  store(now: number): StoredDuplicate[] {
    return [...this.seen].slice(-MAX_STORED).map(([messageId, { receivedAt, reply }]) => ({
      messageId,
      ageMs: Math.round(now - receivedAt),
      reply: reply?.toString("hex"),
    }));
  }

  restore(stored: StoredDuplicate[], now: number): void {
    for (const { messageId, ageMs, reply } of stored) {
      const bytes = reply === undefined ? undefined : Buffer.from(reply, "hex");
      this.seen.set(messageId, { receivedAt: now - ageMs, reply: bytes });
    }
  }

  private expire(now: number): void {
    for (const [messageId, { receivedAt }] of this.seen) {
      if (now - receivedAt < EXCHANGE_LIFETIME_MS && this.seen.size < MAX_ENTRIES) return;
      this.seen.delete(messageId);
    }
  }
}
