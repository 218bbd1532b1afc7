// The server side of one full handshake, after the cookie (RFC 6347 §4.2, RFC 8422 §2, RFC 7250 §4, RFC 4279 §2).
//
//   client                                             server
//   ClientHello (with cookie)            -------->
//                                        <--------     ServerHello, Certificate*, ServerKeyExchange+,
//                                                      CertificateRequest+, ServerHelloDone
//   Certificate+, ClientKeyExchange, CertificateVerify+,
//   [ChangeCipherSpec], Finished         -------->
//                                        <--------     [ChangeCipherSpec], Finished
//
//   + not with a PSK suite    * neither there nor in the Particle profile

import { createECDH, sign, verify } from "node:crypto";
import type { ECDH } from "node:crypto";
import { fingerprint, publicKeyFromSpki } from "../keys";
import {
  decodeCertificateVerify,
  decodeClientKeyExchange,
  decodePskIdentity,
  decodeRawPublicKeyCertificate,
} from "./client-messages";
import { Handshake } from "./handshake";
import type { HandshakeContext, HandshakeResult, ReceivedHello } from "./handshake";
import { encodeHandshakeMessage } from "./handshake-message";
import type { HandshakeMessage } from "./handshake-message";
import {
  deriveExtendedMasterSecret,
  deriveKeyBlock,
  deriveMasterSecret,
  pskPreMasterSecret,
} from "./key-schedule";
import type { Agreement } from "./negotiation";
import {
  AlertDescription,
  CertificateType,
  HandshakeError,
  HandshakeType,
  PSK_AES_128_CCM_8,
} from "./protocol";
import {
  encodeCertificateRequest,
  encodeEcdhParameters,
  encodeRawPublicKeyCertificate,
  encodeServerHello,
  encodeServerKeyExchange,
  encodeX509Certificate,
} from "./server-messages";
import { SESSION_ID_LENGTH } from "./session-cache";
import type { Credential } from "./session-cache";

type State =
  "AwaitCertificate" | "AwaitClientKeyExchange" | "AwaitCertificateVerify" | "AwaitFinished";

export class FullHandshake extends Handshake {
  private state: State;
  private readonly ecdh: ECDH | undefined;
  private readonly sessionId: Buffer;
  private credential: Credential | undefined;
  /** The PSK identity of the client, for the log. */
  private identity: Buffer | undefined;

  constructor(
    context: HandshakeContext,
    received: ReceivedHello,
    agreement: Agreement,
    connectionId: Buffer,
  ) {
    super(context, received, agreement, connectionId);
    const psk = agreement.suite === PSK_AES_128_CCM_8;
    this.state = psk ? "AwaitClientKeyExchange" : "AwaitCertificate";
    this.ecdh = psk ? undefined : ephemeralKey(context);
    // RFC 7627 §5.4: without an extended master secret a session should not be resumed, so it gets no id.
    const resumable = context.sessionIds && agreement.extendedMasterSecret;
    this.sessionId = Buffer.from(context.random(resumable ? SESSION_ID_LENGTH : 0));
    this.buildFlight();
  }

  protected get awaitsFinished(): boolean {
    return this.state === "AwaitFinished";
  }

  protected handleMessage(message: HandshakeMessage): void {
    const expected = {
      AwaitCertificate: HandshakeType.Certificate,
      AwaitClientKeyExchange: HandshakeType.ClientKeyExchange,
      AwaitCertificateVerify: HandshakeType.CertificateVerify,
      AwaitFinished: HandshakeType.Finished,
    }[this.state];
    if (message.type !== expected) {
      throw new HandshakeError(
        AlertDescription.UnexpectedMessage,
        `handshake message ${message.type} in state ${this.state}`,
      );
    }
    // The signature of CertificateVerify is over what came before it, the session hash includes ClientKeyExchange.
    const before = Buffer.concat(this.transcript);
    this.transcript.push(encodeHandshakeMessage(message));
    if (this.state === "AwaitCertificate") this.handleCertificate(message.body);
    else if (this.state === "AwaitClientKeyExchange") this.handleClientKeyExchange(message.body);
    else this.handleCertificateVerify(message.body, before);
  }

  protected complete(): Partial<HandshakeResult> {
    const { sessionId: id, masterSecret, deviceId, credential } = this;
    const { suite } = this.agreement;
    const resumable =
      id.length > 0 && credential ? { id, masterSecret, suite, deviceId, credential } : undefined;
    return { finished: this.serverFinished(), resumable };
  }

  /**
   * With a pre-shared key this is how a wrong one shows: RFC 4279 §2 has it answered by decrypt_error, and an unknown
   * identity in the same way, so that nobody can find out identities.
   */
  protected override handleUnauthenticated(): void {
    if (!this.identity) return;
    const name = JSON.stringify(this.identity.toString("latin1").slice(0, 64));
    const why = this.deviceId === "" ? "is not known" : "comes with a wrong key";
    throw new HandshakeError(AlertDescription.DecryptError, `PSK identity ${name} ${why}`);
  }

  private buildFlight(): void {
    const { agreement, context, ecdh, hello, sessionId, serverRandom, connectionId } = this;
    const fields = { random: serverRandom, sessionId, connectionId };
    this.addMessage(HandshakeType.ServerHello, encodeServerHello(agreement, fields));
    if (agreement.serverCertificate === CertificateType.RawPublicKey) {
      const certificate = encodeRawPublicKeyCertificate(context.keyPair.spki);
      this.addMessage(HandshakeType.Certificate, certificate);
    } else if (agreement.serverCertificate === CertificateType.X509) {
      const certificate = encodeX509Certificate(context.certificate ?? []);
      this.addMessage(HandshakeType.Certificate, certificate);
    }
    if (ecdh) {
      const parameters = encodeEcdhParameters(ecdh.getPublicKey());
      const signed = Buffer.concat([hello.random, serverRandom, parameters]);
      const signature = sign("sha256", signed, context.keyPair.privateKey);
      const keyExchange = encodeServerKeyExchange(parameters, signature);
      this.addMessage(HandshakeType.ServerKeyExchange, keyExchange);
      this.addMessage(HandshakeType.CertificateRequest, encodeCertificateRequest());
    }
    this.addMessage(HandshakeType.ServerHelloDone, Buffer.alloc(0));
  }

  private handleCertificate(body: Buffer): void {
    const publicKey = decodeRawPublicKeyCertificate(body);
    const deviceId = this.context.findDevice(publicKey);
    if (deviceId === undefined) {
      const name = fingerprint(publicKey);
      throw new HandshakeError(
        AlertDescription.AccessDenied,
        `no device is registered with public key SHA-256 ${name}`,
      );
    }
    this.credential = { publicKey };
    this.deviceId = deviceId;
    this.state = "AwaitClientKeyExchange";
  }

  private handleClientKeyExchange(body: Buffer): void {
    const preMasterSecret = this.ecdh ? agreeOnSecret(this.ecdh, body) : this.handleIdentity(body);
    const { hello, serverRandom } = this;
    this.masterSecret = this.agreement.extendedMasterSecret
      ? deriveExtendedMasterSecret(preMasterSecret, Buffer.concat(this.transcript))
      : deriveMasterSecret(preMasterSecret, hello.random, serverRandom);
    this.keys = deriveKeyBlock(this.masterSecret, hello.random, serverRandom);
    this.state = this.ecdh ? "AwaitCertificateVerify" : "AwaitFinished";
  }

  private handleIdentity(body: Buffer): Buffer {
    const identity = decodePskIdentity(body);
    const known = this.context.findPsk?.(identity);
    this.identity = identity;
    this.deviceId = known?.deviceId ?? "";
    if (known) this.credential = { identity, key: known.key };
    // An unknown identity goes on like a wrong key.
    return pskPreMasterSecret(known?.key ?? this.context.random(32));
  }

  private handleCertificateVerify(body: Buffer, transcript: Buffer): void {
    const signature = decodeCertificateVerify(body);
    const { publicKey } = this.credential as { publicKey: Buffer };
    if (!verify("sha256", transcript, publicKeyFromSpki(publicKey), signature)) {
      throw new HandshakeError(
        AlertDescription.DecryptError,
        `the CertificateVerify of device ${this.deviceId} is wrong`,
      );
    }
    this.state = "AwaitFinished";
  }
}

/** The shared secret with the client's point: the x coordinate, 32 bytes (RFC 8422 §5.10). */
function agreeOnSecret(ecdh: ECDH, body: Buffer): Buffer {
  const point = decodeClientKeyExchange(body);
  // RFC 8422 §5.11: refuse what is no point of the curve; only uncompressed points were agreed.
  if (point.length !== 65 || point[0] !== 4) {
    throw new HandshakeError(AlertDescription.IllegalParameter, "bad point format");
  }
  try {
    return ecdh.computeSecret(point);
  } catch {
    throw new HandshakeError(AlertDescription.IllegalParameter, "the point is not on the curve");
  }
}

/** A fresh ECDH key from the injected random source. */
function ephemeralKey(context: HandshakeContext): ECDH {
  const ecdh = createECDH("prime256v1");
  for (;;) {
    try {
      ecdh.setPrivateKey(Buffer.from(context.random(32)));
      return ecdh;
    } catch {
      // Zero, or not below the order of the curve: one chance in 2^32. Draw again.
    }
  }
}
