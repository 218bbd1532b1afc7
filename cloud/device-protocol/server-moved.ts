// Server moved: POST /M sends a device to another server for good. The payload is a ServerMovedPermanentlyRequest:
//
//   1 string server_addr | 2 uint32 server_port | 3 bytes server_pub_key (SPKI DER) | 4 bytes sign
//
// The signature is ECDSA with P-256 and SHA-256, DER, by a key whose public part is in the firmware, over
//
//   key length 4 LE | key | address length 4 LE | address | port 2 LE

import { sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { CoapCode, CoapOptionNumber, stringOption } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";
import { encodeBytesField, encodeVarintField } from "./protobuf";

export interface ServerAddress {
  /** Name or address. */
  host: string;
  /** 1 to 65535. */
  port: number;
  /** SubjectPublicKeyInfo DER of the other server's P-256 key, 91 bytes. */
  publicKey: Uint8Array;
}

/** @param signingKey a P-256 private key whose public key the firmware holds */
export function encodeServerMoved(server: ServerAddress, signingKey: KeyObject): OutgoingMessage {
  const signature = sign("sha256", serverMovedToBeSigned(server), signingKey);
  return {
    code: CoapCode.Post,
    options: [stringOption(CoapOptionNumber.UriPath, "M")],
    payload: Buffer.concat([
      encodeBytesField(1, Buffer.from(server.host, "utf8")),
      encodeVarintField(2, server.port),
      encodeBytesField(3, server.publicKey),
      encodeBytesField(4, signature),
    ]),
  };
}

/** The bytes under the signature. */
export function serverMovedToBeSigned({ host, port, publicKey }: ServerAddress): Buffer {
  const address = Buffer.from(host, "utf8");
  const lengths = Buffer.alloc(10);
  lengths.writeUInt32LE(publicKey.length, 0);
  lengths.writeUInt32LE(address.length, 4);
  lengths.writeUInt16LE(port, 8);
  return Buffer.concat([
    lengths.subarray(0, 4),
    publicKey,
    lengths.subarray(4, 8),
    address,
    lengths.subarray(8),
  ]);
}
