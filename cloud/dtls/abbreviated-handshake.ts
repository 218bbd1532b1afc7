// The server side of one abbreviated handshake: a session is resumed by its id (RFC 5246 §7.3, RFC 7627 §5.3).
// The keys are new, by new randoms under the old master secret, and so is the connection id (RFC 9146 §3).
//
//   client                                             server
//   ClientHello (with session id)        -------->
//                                        <--------     ServerHello, [ChangeCipherSpec], Finished
//   [ChangeCipherSpec], Finished         -------->

import { Handshake } from "./handshake";
import type { HandshakeContext, HandshakeResult, ReceivedHello } from "./handshake";
import { deriveKeyBlock } from "./key-schedule";
import type { Agreement } from "./negotiation";
import { AlertDescription, HandshakeError, HandshakeType } from "./protocol";
import { encodeServerHello } from "./server-messages";
import type { ResumableSession } from "./session-cache";

export class AbbreviatedHandshake extends Handshake {
  protected readonly awaitsFinished = true;

  constructor(
    context: HandshakeContext,
    received: ReceivedHello,
    agreement: Agreement,
    connectionId: Buffer,
    readonly session: ResumableSession,
  ) {
    super(context, received, agreement, connectionId);
    this.deviceId = session.deviceId;
    this.masterSecret = session.masterSecret;
    this.keys = deriveKeyBlock(session.masterSecret, this.hello.random, this.serverRandom);
    const fields = { random: this.serverRandom, sessionId: session.id, connectionId };
    this.addMessage(HandshakeType.ServerHello, encodeServerHello(agreement, fields));
    this.addFinished(this.keys);
  }

  protected handleMessage(): void {
    throw new HandshakeError(AlertDescription.UnexpectedMessage, "Finished expected");
  }

  protected complete(): Partial<HandshakeResult> {
    return { resumable: this.session };
  }
}
