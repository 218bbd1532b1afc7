// How a local cloud is set up.

import type { TransmissionParameters } from "./coap/message-layer";
import type { KeyPair } from "./keys";
import type { Registry } from "./registry";
import type { StateStorage } from "./state-storage";
import type { RsaKeyPair } from "./tcp/rsa-keys";
import type { TcpLimits } from "./tcp/server";

export interface LocalCloudOptions {
  /** The server's P-256 key pair; devices have its public key pinned. */
  keyPair: KeyPair;
  /** The devices that may connect. Default: none. */
  registry?: Registry;
  /** Where sessions and device facts survive a restart. Default: in memory. */
  storage?: StateStorage;
  /** Random bytes. Default: the one of node:crypto. */
  random?: (length: number) => Uint8Array;
  /** Wall clock in ms since 1970, for time requests and `lastHeard`. Default: Date.now. */
  wallClock?: () => number;
  /** Engine time at the start, ms. Default: 0. */
  now?: number;
  /** Ask new clients for a cookie. Default: true. */
  cookies?: boolean;
  /**
   * Tell devices that ask for it when their session is gone, by the tokens of `dtls/session-reset.ts`. Default: true.
   */
  resetTokens?: boolean;
  /** 32 secret bytes behind these tokens. Default: derived from the private key of the server. */
  resetKey?: Uint8Array;
  /** Standard profile: bytes of the connection ids that clients get, 1 to 8. Default: 8. */
  connectionIdLength?: number;
  /**
   * Standard profile: the pre-shared key of an identity. Default: there are none.
   *
   * The device has to be registered, if need be without a public key. Without `deviceId` the identity is its id, in 24
   * hex digits or in 12 bytes.
   */
  psk?: (identity: Buffer) => { key: Uint8Array; deviceId?: string } | undefined;
  /** Standard profile: X.509 certificates in DER, that of the server's key first, for clients that take no raw key. */
  certificate?: Uint8Array[];
  /** Standard profile: give clients with extended_master_secret a session id to resume by. Default: true. */
  sessionIds?: boolean;
  /**
   * Ask a client for a cookie also when it resumes a session by id. "new-host": unless it has the host of its last
   * handshake. Default: "new-host". See the README for what "never" means.
   */
  resumptionCookies?: "always" | "new-host" | "never";
  /** Standard profile: bytes of the largest block that the cloud sends and asks for, a power of two, 16 to 1024. */
  blockSize?: number;
  /** First retransmission of a handshake flight, ms. Default: 9000 (RFC 7925 §11). */
  flightTimeoutMs?: number;
  /** Age at which an unfinished handshake is forgotten, ms. Default: 120000. */
  handshakeLifetimeMs?: number;
  /** Unfinished handshakes at a time. Default: 256. */
  maxHandshakes?: number;
  /** May an event of one device go to another one that subscribes to it? Default: yes. */
  mayReceive?: (senderId: string, receiverId: string) => boolean;
  /** CoAP constants (RFC 7252 §4.8). */
  transmission?: Partial<TransmissionParameters>;
  /** How long `call`, `read`, `describe` and `signal` wait, ms. Default: 30000. */
  requestTimeoutMs?: number;
  /** Silence after which a device counts as offline, ms. Default: 50 minutes, two keep-alives of a cellular device. */
  idleTimeoutMs?: number;
  /** Take TCP connections, too, with this RSA-2048 key pair of the server and these limits. Default: none are taken. */
  tcp?: { keyPair: RsaKeyPair } & Partial<TcpLimits>;
}
