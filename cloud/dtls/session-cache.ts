// Sessions that clients may resume by id (RFC 5246 §F.1.4). In memory only: after a restart of the cloud, which sessions
// with a connection id survive, a client that offers an old id gets a full handshake.

/** Bytes of a session id: random ones, the most that fit. */
export const SESSION_ID_LENGTH = 32;
/** RFC 5246 §F.1.4: "an upper limit of 24 hours". */
const LIFETIME_MS = 24 * 3600_000;
const MAX_SESSIONS = 1024;
const MAX_PER_DEVICE = 4;

/** What the client proved its identity with. A session is good only while that still holds. */
export type Credential = { publicKey: Buffer } | { identity: Buffer; key: Buffer };

export interface ResumableSession {
  /** 32 bytes. */
  id: Buffer;
  /** 48 bytes, an extended master secret (RFC 7627). */
  masterSecret: Buffer;
  suite: number;
  deviceId: string;
  credential: Credential;
}

interface Entry {
  session: ResumableSession;
  addedAt: number;
  /** The host that a handshake of this session proved last. */
  host: string;
}

export class SessionCache {
  private readonly entries = new Map<string, Entry>();

  get size(): number {
    return this.entries.size;
  }

  /** Keep a session, or where it was heard. Its lifetime counts from the full handshake. */
  add(session: ResumableSession, host: string, now: number): void {
    const key = session.id.toString("hex");
    const known = this.entries.get(key);
    if (known) {
      known.host = host;
      return;
    }
    const older = [...this.entries].filter(
      ([, entry]) => entry.session.deviceId === session.deviceId,
    );
    const excess = older.length - MAX_PER_DEVICE + 1;
    for (const [id] of older.slice(0, Math.max(0, excess))) this.entries.delete(id);
    for (const id of this.entries.keys()) {
      if (this.entries.size < MAX_SESSIONS) break;
      this.entries.delete(id);
    }
    this.entries.set(key, { session, addedAt: now, host });
  }

  /** @returns the session and where it was last, or undefined when there is none or it is too old */
  find(id: Buffer, now: number): { session: ResumableSession; host: string } | undefined {
    const key = id.toString("hex");
    const entry = this.entries.get(key);
    if (!entry || now - entry.addedAt < LIFETIME_MS) return entry;
    this.entries.delete(key);
    return undefined;
  }

  /** RFC 5246 §7.2.2: a session that ended with a fatal alert must not be resumed. */
  remove(id: Buffer): void {
    this.entries.delete(id.toString("hex"));
  }
}
