// From a ClientHello to a handshake: decoding, the cookie, the choice between a full and an abbreviated handshake.
// Nothing is stored for an address that has not shown that it receives (RFC 6347 §4.2.1).

import { AbbreviatedHandshake } from "./abbreviated-handshake";
import { hostOf } from "./address";
import { decodeClientHello } from "./client-hello";
import { CookieSecret } from "./cookie";
import { FullHandshake } from "./full-handshake";
import type { Handshake, HandshakeContext, ReceivedHello } from "./handshake";
import { decodeHandshakeFragments, encodeHandshakeMessage } from "./handshake-message";
import { negotiate, profileOf } from "./negotiation";
import type { Profile } from "./negotiation";
import { ContentType, ExtensionType, HandshakeType } from "./protocol";
import { encodeRecord } from "./record";
import type { DtlsRecord } from "./record";
import { encodeHelloVerifyRequest } from "./server-messages";
import { SessionCache } from "./session-cache";
import type { ResumableSession } from "./session-cache";

export interface AcceptorOptions extends HandshakeContext {
  /** Ask for a cookie before anything else. */
  cookies: boolean;
  /** Ask for it also when a client resumes a session: always, unless it has the host of its last handshake, or never. */
  resumptionCookies: "always" | "new-host" | "never";
}

/** What a ClientHello has coming. */
export type Verdict =
  | { kind: "verify"; datagram: Buffer }
  | { kind: "begin"; reachable: boolean; session: ResumableSession | undefined };

export class HelloAcceptor {
  /** Sessions that may be resumed by their id. */
  readonly cache = new SessionCache();
  private readonly cookies: CookieSecret;

  constructor(private readonly options: AcceptorOptions) {
    this.cookies = new CookieSecret((length) => options.random(length));
  }

  /**
   * Decode the record of a ClientHello.
   * @returns undefined for a fragmented one: it would need memory before the cookie, and no known device sends it
   * @throws DecodeError
   */
  decode(record: DtlsRecord): ReceivedHello | undefined {
    const [fragment, ...others] = decodeHandshakeFragments(record.fragment);
    if (others.length > 0 || fragment.fragment.length !== fragment.length) return undefined;
    const { type, messageSequence, fragment: body } = fragment;
    const hello = decodeClientHello(body);
    const message = { type, messageSequence, body };
    return { hello, message, recordSequence: record.sequenceNumber };
  }

  /** Decide whether a handshake may begin, or a cookie must come first. */
  judge(from: string, received: ReceivedHello, now: number): Verdict {
    const { hello } = received;
    const known = this.findSession(received, now);
    const { cookies, resumptionCookies } = this.options;
    const verified = cookies && this.cookies.isValid(from, hello, now);
    // One that cannot be resumed in the end would be answered by the long flight of a full handshake.
    const resumes =
      known !== undefined &&
      hello.extensions.has(ExtensionType.ExtendedMasterSecret) &&
      hello.cipherSuites.includes(known.session.suite);
    const sameHost = known?.host === hostOf(from);
    const excused =
      resumes && (resumptionCookies === "never" || (resumptionCookies === "new-host" && sameHost));
    if (cookies && !verified && !excused) {
      return { kind: "verify", datagram: this.helloVerifyRequest(from, received, now) };
    }
    const reachable = verified || !cookies || sameHost;
    return { kind: "begin", reachable, session: known?.session };
  }

  /**
   * Begin a handshake.
   * @param newConnectionId draws an id for the records of the client
   * @throws HandshakeError, DecodeError
   */
  begin(
    received: ReceivedHello,
    session: ResumableSession | undefined,
    newConnectionId: (profile: Profile) => Buffer,
  ): Handshake {
    const { options } = this;
    const abilities = { psk: options.findPsk !== undefined, x509: Boolean(options.certificate) };
    const agreement = negotiate(received.hello, abilities, session);
    const { profile, peerConnectionId } = agreement;
    const connectionId = peerConnectionId ? newConnectionId(profile) : Buffer.alloc(0);
    return session && agreement.resumed
      ? new AbbreviatedHandshake(options, received, agreement, connectionId, session)
      : new FullHandshake(options, received, agreement, connectionId);
  }

  /** The session that the client names, if it is still good: its device may have got another key meanwhile. */
  private findSession(
    { hello }: ReceivedHello,
    now: number,
  ): { session: ResumableSession; host: string } | undefined {
    if (hello.sessionId.length === 0 || profileOf(hello) !== "standard") return undefined;
    const known = this.cache.find(hello.sessionId, now);
    if (!known) return undefined;
    const { credential, deviceId } = known.session;
    if ("publicKey" in credential) {
      return this.options.findDevice(credential.publicKey) === deviceId ? known : undefined;
    }
    const psk = this.options.findPsk?.(credential.identity);
    const same = psk?.deviceId === deviceId && psk.key.equals(credential.key);
    return same ? known : undefined;
  }

  private helloVerifyRequest(from: string, received: ReceivedHello, now: number): Buffer {
    const fragment = encodeHandshakeMessage({
      type: HandshakeType.HelloVerifyRequest,
      messageSequence: 0,
      body: encodeHelloVerifyRequest(this.cookies.issue(from, received.hello, now)),
    });
    const sequenceNumber = received.recordSequence;
    return encodeRecord({ type: ContentType.Handshake, epoch: 0, sequenceNumber, fragment });
  }
}
