// "The server forgot this session": one datagram tells a device so, and only the server that gave out its connection id
// can have sent it. After the idea of RFC 9000 §10.3 (stateless reset); DTLS has nothing of the kind.
//
//   15 | fe fd | epoch 0000 | record number 000000000000 | 0012 | 02 50 | token 16        31 bytes
//
// The token of a connection id goes to its device inside the session (see `HelloFlag.SessionReset`), and in clear only
// once the session is gone. Nothing is stored for a connection id.

import { createHmac } from "node:crypto";
import type { KeyPair } from "../keys";
import { hostOf } from "./address";
import { CONNECTION_ID_LENGTH } from "./connection-ids";
import { AlertDescription, AlertLevel, ContentType } from "./protocol";
import { EXPLICIT_NONCE_LENGTH, TAG_LENGTH, encodeRecord } from "./record";
import type { DtlsRecord } from "./record";
import { RateLimit } from "./rate-limit";
import { EPOCH } from "./session";

/** Bytes of a token. 128 bits cannot be guessed. */
export const RESET_TOKEN_LENGTH = 16;
/** Bytes of the datagram that carries it. */
export const RESET_LENGTH = 31;
/** Bytes of a reset key. */
export const RESET_KEY_LENGTH = 32;

/** No fragment of a record with a connection id is shorter: nonce, tag, and the type byte between them. */
const MIN_FRAGMENT_LENGTH = EXPLICIT_NONCE_LENGTH + 1 + TAG_LENGTH;

/** Resets are for devices that were left behind, which ask again; not for floods. */
const LIMITS = {
  perSource: { perSecond: 1, burst: 5 },
  total: { perSecond: 100, burst: 100 },
  maxSources: 1024,
};

/**
 * The reset key of a server without a data directory: all instances with its key pair agree on it.
 * @returns 32 bytes, HMAC-SHA-256 of a label under the private key
 */
export function deriveResetKey(keyPair: KeyPair): Buffer {
  const { d } = keyPair.privateKey.export({ format: "jwk" });
  const scalar = Buffer.from(d as string, "base64url");
  return createHmac("sha256", scalar).update("wboson session reset key 1").digest();
}

export class SessionReset {
  private readonly limit = new RateLimit(LIMITS);

  /** @param key 32 secret bytes */
  constructor(private readonly key: Uint8Array) {
    if (key.length !== RESET_KEY_LENGTH) throw new Error(`reset key of ${key.length} bytes`);
  }

  /** Sources that are remembered for their rate. */
  get sources(): number {
    return this.limit.size;
  }

  /**
   * The token of a connection id: HMAC-SHA-256 under the reset key, cut to 16 bytes.
   * @returns undefined for an id below 8 bytes: it will be given to another session one day, and its token with it
   */
  token(connectionId: Uint8Array): Buffer | undefined {
    if (connectionId.length !== CONNECTION_ID_LENGTH) return undefined;
    const mac = createHmac("sha256", this.key).update(connectionId).digest();
    return mac.subarray(0, RESET_TOKEN_LENGTH);
  }

  /**
   * Answer a record of a session that does not exist.
   * @param record the first record of its datagram, with an unknown connection id
   * @param length bytes of the datagram: the answer is never longer
   * @returns the datagram, or undefined when the record is no plausible one or the source asks too often
   */
  answer(from: string, record: DtlsRecord, length: number, now: number): Buffer | undefined {
    const { connectionId, epoch, fragment } = record;
    if (epoch !== EPOCH || fragment.length < MIN_FRAGMENT_LENGTH) return undefined;
    const token = connectionId && this.token(connectionId);
    if (!token || length < RESET_LENGTH) return undefined;
    if (!this.limit.take(hostOf(from), now)) return undefined;
    return encodeRecord({
      type: ContentType.Alert,
      epoch: 0,
      sequenceNumber: 0,
      fragment: Buffer.concat([Buffer.of(AlertLevel.Fatal, AlertDescription.InternalError), token]),
    });
  }
}
