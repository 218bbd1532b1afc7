// Does a DTLS server answer at a UDP address? A ClientHello without a cookie gets a HelloVerifyRequest (RFC 6347 §4.2.1).

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";

const DTLS_1_2 = Buffer.of(0xfe, 0xfd);
const HELLO_VERIFY_REQUEST = 3;
/** TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, RFC 7251 §2. */
const CIPHER_SUITE = 0xc0ae;

/** @returns ms until the answer. @throws Error when none comes in time */
export async function probe(host: string, port: number, timeoutMs = 1000): Promise<number> {
  const socket = createSocket("udp4");
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error("no answer")), timeoutMs);
      exchange(socket, host, port, resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function exchange(
  socket: Socket,
  host: string,
  port: number,
  resolve: (ms: number) => void,
  reject: (error: Error) => void,
): void {
  const startedAt = performance.now();
  socket.once("error", reject);
  // Connected, a closed port shows itself at once.
  socket.connect(port, host, () => socket.send(clientHello(), (error) => error && reject(error)));
  socket.once("message", (datagram) => {
    if (datagram[0] === 22 && datagram[13] === HELLO_VERIFY_REQUEST) {
      resolve(performance.now() - startedAt);
    } else {
      reject(new Error("something else than a DTLS server answers"));
    }
  });
}

/** Record header 13 | handshake header 12 | version, random, no session, no cookie, one suite, no compression. */
export function clientHello(): Buffer {
  const body = Buffer.concat([
    DTLS_1_2,
    randomBytes(32),
    Buffer.of(0, 0, 0, 2, CIPHER_SUITE >> 8, CIPHER_SUITE & 0xff, 1, 0),
  ]);
  const handshake = Buffer.alloc(12);
  handshake[0] = 1;
  handshake.writeUIntBE(body.length, 1, 3);
  handshake.writeUIntBE(body.length, 9, 3);
  const record = Buffer.alloc(13);
  record[0] = 22;
  DTLS_1_2.copy(record, 1);
  record.writeUInt16BE(handshake.length + body.length, 11);
  return Buffer.concat([record, handshake, body]);
}
