// ClientHello: decoding (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1). What it is answered is decided in `negotiation.ts`.

import { ByteReader, DecodeError, uint, vector } from "../bytes";

export interface ClientHello {
  version: number;
  /** 32 bytes. */
  random: Buffer;
  sessionId: Buffer;
  cookie: Buffer;
  cipherSuites: number[];
  compressionMethods: Buffer;
  extensions: Map<number, Buffer>;
  /** The fields that RFC 6347 §4.2.1 requires to stay the same after a HelloVerifyRequest; a cookie covers them. */
  parameters: Buffer;
}

/** Decode the body of a ClientHello. @throws DecodeError */
export function decodeClientHello(body: Uint8Array): ClientHello {
  const reader = new ByteReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const cookie = reader.vector(1);
  const suites = reader.vector(2);
  const compressionMethods = reader.vector(1);
  if (sessionId.length > 32) throw new DecodeError("session id above 32 bytes");
  if (suites.length === 0 || suites.length % 2 !== 0)
    throw new DecodeError("bad cipher suite list");
  const extensions = new Map<number, Buffer>();
  if (reader.remaining > 0) {
    const list = new ByteReader(reader.vector(2));
    reader.end();
    while (list.remaining > 0) {
      const type = list.uint(2);
      if (extensions.has(type)) throw new DecodeError(`extension ${type} twice`);
      extensions.set(type, list.vector(2));
    }
  }
  const cipherSuites: number[] = [];
  for (let i = 0; i < suites.length; i += 2) cipherSuites.push(suites.readUInt16BE(i));
  const parameters = Buffer.concat([
    uint(version, 2),
    random,
    vector(1, sessionId),
    vector(2, suites),
    vector(1, compressionMethods),
  ]);
  return {
    version,
    random,
    sessionId,
    cookie,
    cipherSuites,
    compressionMethods,
    extensions,
    parameters,
  };
}
