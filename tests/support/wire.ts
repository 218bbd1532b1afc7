// What stands in the datagrams of a world: records, and CoAP messages opened with the cloud's keys.

import { decodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import type { Outcome } from "../../cloud/coap/exchanges";
import type { MessageLayer, OutgoingMessage } from "../../cloud/coap/message-layer";
import type { DeviceLink } from "../../cloud/device-link";
import { ContentType } from "../../cloud/dtls/protocol";
import { openConnectionIdRecord, openRecord, parseRecords } from "../../cloud/dtls/record";
import type { DtlsRecord } from "../../cloud/dtls/record";
import type { Session } from "../../cloud/dtls/session";
import { DEVICE_ID } from "./world";
import type { Sent, World } from "./world";

const CONNECTION_ID_LENGTH = 8;

/** One record on the wire; `content` and `message` are there when it could be opened. */
export interface WireRecord extends DtlsRecord {
  at: number;
  direction: "up" | "down";
  /** Index of its datagram in `world.sent`. */
  datagram: number;
  contentType: number;
  content?: Buffer;
  message?: CoapMessage;
}

/** The records of one datagram. @throws Error when it is not whole records */
export function recordsOf(sent: Pick<Sent, "direction" | "bytes">): DtlsRecord[] {
  const length = sent.direction === "up" ? CONNECTION_ID_LENGTH : 0;
  const { records, complete } = parseRecords(sent.bytes, length);
  if (!complete)
    throw new Error(`not a whole datagram: ${Buffer.from(sent.bytes).toString("hex")}`);
  return records;
}

/** Open a record with the keys of a session. */
function open(
  record: DtlsRecord,
  session: Session,
): { contentType: number; content: Buffer } | undefined {
  const keys = session["keys"];
  if (record.connectionId) {
    const key = { key: keys.clientWriteKey, iv: keys.clientWriteIv };
    return openConnectionIdRecord(record, key, session.variant);
  }
  const content = openRecord(record, { key: keys.serverWriteKey, iv: keys.serverWriteIv });
  return content && { contentType: record.type, content };
}

/** All records that both ends sent since `from`, an index into `world.sent`. */
export function wireRecords(world: World, from = 0): WireRecord[] {
  const sessions = [...world.sessions.values()].reverse();
  return world.sent.slice(from).flatMap((sent, index) =>
    recordsOf(sent).map((record) => {
      const { at, direction } = sent;
      const place = { ...record, at, direction, datagram: from + index };
      if (record.epoch === 0) {
        return { ...place, contentType: record.type, content: record.fragment };
      }
      for (const session of sessions) {
        const opened = open(record, session);
        if (!opened) continue;
        const isMessage = opened.contentType === ContentType.ApplicationData;
        return { ...place, ...opened, message: isMessage ? decodeCoap(opened.content) : undefined };
      }
      return { ...place, contentType: record.type };
    }),
  );
}

/** The CoAP messages that one end sent since `from`. */
export function messages(
  world: World,
  direction: "up" | "down",
  from = 0,
): (WireRecord & { message: CoapMessage })[] {
  return wireRecords(world, from).filter(
    (record): record is WireRecord & { message: CoapMessage } =>
      record.direction === direction && record.message !== undefined,
  );
}

/** A record of the cloud's session with the device, under its next record number. */
export function sealByCloud(world: World, type: ContentType, content: Uint8Array): Buffer {
  const { session } = world;
  if (!session) throw new Error("the cloud has no session");
  return session.seal(type, content);
}

/** Let the cloud send a request of its own making and settle what comes of it. */
export function request(world: World, message: OutgoingMessage, ms = 60_000): Promise<Outcome> {
  const { exchanges } = linkOf(world);
  if (!exchanges) throw new Error("the cloud has no session");
  const outcome = new Promise<Outcome>((resolve) =>
    exchanges.request(message, ms, world.now, resolve),
  );
  return world.settle(outcome, ms);
}

/** The CoAP endpoint of the cloud for the device. */
export function messageLayer(world: World): MessageLayer {
  const { messages } = linkOf(world);
  if (!messages) throw new Error("the cloud has no session");
  return messages;
}

function linkOf(world: World): DeviceLink {
  const link = world.cloud["links"].get(DEVICE_ID);
  if (!link) throw new Error("the cloud does not know the device");
  return link;
}
