// What a DTLS client must do to be run against the servers of servers.ts. Implemented by
// core-client.ts (the core) and reference-client.ts (Californium, to check the servers themselves).

/** What the client shows, and the one server key that it accepts. */
export type Credentials =
  | { psk: { identity: string; key: Uint8Array } }
  | { rpk: { privateKeyDer: Uint8Array; serverSpki: Uint8Array } }
  | { x509: { certificateDer: Uint8Array[]; privateKeyDer: Uint8Array; serverSpki: Uint8Array } };
// privateKeyDer: RFC 5915 ECPrivateKey of a P-256 key, as the core's storage holds it.
// serverSpki: SubjectPublicKeyInfo, 91 bytes; of the leaf, when the server shows a chain.
// certificateDer: the client's chain, leaf first.

export interface ConnectOptions {
  /** UDP port on 127.0.0.1. */
  port: number;
  credentials: Credentials;
  /** Offer RFC 9146 with an empty connection id: the server's is sent, none is asked for. */
  cid?: boolean;
}

export type Method = "GET" | "POST" | "PUT";

export interface Answer {
  /** "2.04" and so on, or "reset" when the server answered with a Reset message. */
  code: string;
  payload: Uint8Array;
}

export interface ClientStats {
  /** How the present session began; "resumed" only if the server took the session id. */
  handshake: "full" | "resumed";
  /** Length of the connection id that the server chose; undefined when it chose none. */
  connectionIdLength?: number;
  /** UDP datagrams, and their payload bytes, since `connect`. */
  up: { datagrams: number; bytes: number };
  down: { datagrams: number; bytes: number };
}

export interface InteropClient {
  readonly stats: ClientStats;
  /**
   * Send a confirmable request without options but Uri-Path (and Block1, if it needs that), and
   * wait for its response. Requests of the server are answered with a Reset.
   * @throws Error when nothing comes within 10 s
   */
  exchange(method: Method, path: string, payload?: Uint8Array): Promise<Answer>;
  /** Go on from another local port, without a handshake. */
  rebind(): Promise<void>;
  /**
   * End the connection with close_notify and connect again, from another local port, with the
   * session's id. A server that does not know it any more makes a full handshake.
   */
  resumeSession(): Promise<void>;
  /** close_notify, then close the socket. */
  close(): Promise<void>;
}

/** Connect within 15 s. @throws Error when the handshake fails, for example at another server key */
export type Connect = (options: ConnectOptions) => Promise<InteropClient>;
