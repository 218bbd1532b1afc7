// How a local cloud is set up.

import type { TransmissionParameters } from "./coap/message-layer";
import type { ConnectionIdVariant } from "./dtls/record";
import type { KeyPair } from "./keys";
import type { Registry } from "./registry";
import type { StateStorage } from "./state-storage";

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
  /** Flavour of connection ids. Default: the one of Device OS. */
  connectionId?: ConnectionIdVariant;
  /** First retransmission of a handshake flight, ms. Default: 9000 (RFC 7925 §11). */
  flightTimeoutMs?: number;
  /** Age at which an unfinished handshake is forgotten, ms. Default: 120000. */
  handshakeLifetimeMs?: number;
  /** Unfinished handshakes at a time. Default: 256. */
  maxHandshakes?: number;
  /** CoAP constants (RFC 7252 §4.8). */
  transmission?: Partial<TransmissionParameters>;
  /** How long `call`, `read`, `describe` and `signal` wait, ms. Default: 30000. */
  requestTimeoutMs?: number;
  /** Silence after which a device counts as offline, ms. Default: 50 minutes, two keep-alives of a cellular device. */
  idleTimeoutMs?: number;
}
