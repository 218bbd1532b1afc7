// Hello: what a device says about itself first, POST /h. Over TCP the server says it, too, without a payload.
//
//   product id 2 | product version 2 | flags 2 | platform id 2 | 0 | id length 1 | device id |
//   system version 2 | largest message 2 | largest firmware 4 | OTA chunk 2

import { ByteReader, DecodeError } from "../bytes";
import { CoapCode, CoapOptionNumber, stringOption } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

export enum HelloFlag {
  LastUpdateSucceeded = 0x01,
  Diagnostics = 0x02,
  ImmediateUpdates = 0x04,
  Goodbye = 0x10,
  DeviceInitiatedDescribe = 0x20,
  CompressedUpdates = 0x40,
  UpdateProtocolV3 = 0x80,
  /**
   * Not in Device OS, and clear there: the device wants the reset token of its session. It comes as the payload, 16
   * bytes, of a piggybacked 2.04 in place of the empty acknowledgement (see `dtls/session-reset.ts`).
   */
  SessionReset = 0x0100,
}

export interface Hello {
  productId: number;
  productVersion: number;
  /** Bits of {@link HelloFlag}. */
  flags: number;
  platformId: number;
  /** Lower-case hex, 24 digits. */
  deviceId: string;
  /** 6200 for 6.2.0; the fields from here on are absent in very old firmware. */
  systemVersion?: number;
  /** Bytes of the largest CoAP message that the device sends. */
  maxMessageSize?: number;
  /** Bytes of the largest firmware binary. */
  maxBinarySize?: number;
  /** Bytes of an OTA chunk. */
  chunkSize?: number;
}

/**
 * Decode the payload of a Hello. Over TCP the id may be left out, and old firmware ends before it.
 * @param deviceId the id that the transport gave the device, for a Hello without one
 * @throws DecodeError also when there is no id at all
 */
export function decodeHello(payload: Uint8Array, deviceId?: string): Hello {
  const reader = new ByteReader(payload);
  const productId = reader.uint(2);
  const productVersion = reader.uint(2);
  const flags = reader.uint(2);
  const platformId = reader.uint(2);
  const ends = deviceId !== undefined && reader.remaining === 0;
  if (!ends) reader.uint(1);
  const id = ends ? Buffer.alloc(0) : reader.vector(1);
  const missing = deviceId !== undefined && id.length === 0;
  if (id.length !== 12 && !missing) throw new DecodeError(`device id of ${id.length} bytes`);
  const hello: Hello = {
    productId,
    productVersion,
    flags,
    platformId,
    deviceId: missing ? deviceId : id.toString("hex"),
  };
  if (reader.remaining >= 2) hello.systemVersion = reader.uint(2);
  if (reader.remaining >= 2) hello.maxMessageSize = reader.uint(2);
  if (reader.remaining >= 4) hello.maxBinarySize = reader.uint(4);
  if (reader.remaining >= 2) hello.chunkSize = reader.uint(2);
  return hello;
}

/** The Hello of the server. A device on TCP waits 4 s for it. */
export function encodeServerHello(): OutgoingMessage {
  return { code: CoapCode.Post, options: [stringOption(CoapOptionNumber.UriPath, "h")] };
}
