// Key schedule, records and Finished messages against a whole session of a genuine device.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { verify } from "node:crypto";
import { decodeRawPublicKeyCertificate } from "../../cloud/dtls/client-messages";
import { deriveKeyBlock, deriveVerifyData } from "../../cloud/dtls/key-schedule";
import { ContentType } from "../../cloud/dtls/protocol";
import {
  DRAFT_05,
  RFC_9146,
  connectionIdAad,
  openConnectionIdRecord,
  openRecord,
  parseRecords,
  plainAad,
  sealConnectionIdRecord,
  sealRecord,
} from "../../cloud/dtls/record";
import type { DtlsRecord } from "../../cloud/dtls/record";
import { publicKeyFromSpki } from "../../cloud/keys";

interface SessionVector {
  masterSecret: string;
  clientRandom: string;
  serverRandom: string;
  cid: string;
  keyBlock: string;
  datagrams: {
    dir: "d>s" | "s>d";
    records: { type: number; epoch: number; record: string; aad?: string; plaintext?: string }[];
  }[];
}

const path = join(__dirname, "../vectors/device-os-6.2-session.json");
const session = JSON.parse(readFileSync(path, "utf8")) as SessionVector;
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const masterSecret = hex(session.masterSecret);
const keys = deriveKeyBlock(masterSecret, hex(session.clientRandom), hex(session.serverRandom));
const clientKey = { key: keys.clientWriteKey, iv: keys.clientWriteIv };
const serverKey = { key: keys.serverWriteKey, iv: keys.serverWriteIv };

/** One record and its description. */
function records(
  direction: "d>s" | "s>d",
  epoch: number,
): { record: DtlsRecord; bytes: Buffer; plaintext: Buffer; aad: string }[] {
  return session.datagrams
    .filter(({ dir }) => dir === direction)
    .flatMap((datagram) => datagram.records)
    .filter((entry) => entry.epoch === epoch)
    .map((entry) => {
      const bytes = hex(entry.record);
      const parsed = parseRecords(bytes, 8);
      expect(parsed).toMatchObject({ complete: true, records: [{ type: entry.type, epoch }] });
      const plaintext = hex(entry.plaintext ?? "");
      return { record: parsed.records[0], bytes, plaintext, aad: entry.aad ?? "" };
    });
}

test("key block", () => {
  expect(Buffer.concat(Object.values(keys)).toString("hex")).toBe(session.keyBlock);
});

test("every record of the device opens, AAD included", () => {
  const sealed = records("d>s", 1);
  expect(sealed.length).toBeGreaterThan(10);
  for (const { record, bytes, plaintext, aad } of sealed) {
    const cid = record.connectionId as Buffer;
    expect(cid.toString("hex")).toBe(session.cid);
    expect(connectionIdAad(record, cid, plaintext.length, DRAFT_05).toString("hex")).toBe(aad);
    const opened = openConnectionIdRecord(record, clientKey, DRAFT_05);
    const end = plaintext.length - [...plaintext].reverse().findIndex((byte) => byte !== 0);
    expect(opened?.contentType).toBe(plaintext[end - 1]);
    expect(opened?.content).toEqual(plaintext.subarray(0, end - 1));

    const header = { ...record, connectionId: cid };
    const padding = plaintext.length - end;
    const again = sealConnectionIdRecord(
      header,
      plaintext[end - 1],
      plaintext.subarray(0, end - 1),
      clientKey,
      DRAFT_05,
      padding,
    );
    expect(again).toEqual(bytes);
    expect(openConnectionIdRecord(record, clientKey, RFC_9146)).toBeUndefined();
  }
});

test("every record of the server is sealed byte for byte", () => {
  const sealed = records("s>d", 1);
  expect(sealed.length).toBeGreaterThan(10);
  for (const { record, bytes, plaintext, aad } of sealed) {
    expect(plainAad(record, plaintext.length).toString("hex")).toBe(aad);
    expect(sealRecord(record, plaintext, serverKey)).toEqual(bytes);
    expect(openRecord(record, serverKey)).toEqual(plaintext);
  }
});

test("CertificateVerify and both Finished messages follow from the transcript", () => {
  const messages = session.datagrams
    .flatMap((datagram) => datagram.records)
    .filter(({ type, epoch }) => type === ContentType.Handshake && epoch === 0)
    .map((entry) => hex(entry.record).subarray(13));
  expect(messages.map((message) => message[0])).toEqual([1, 2, 12, 13, 14, 11, 16, 15]);

  const spki = decodeRawPublicKeyCertificate(messages[5].subarray(12));
  const signature = messages[7].subarray(16);
  const signed = Buffer.concat(messages.slice(0, 7));
  expect(verify("sha256", signed, publicKeyFromSpki(spki), signature)).toBe(true);

  const [clientFinished] = records("d>s", 1);
  const [serverFinished] = records("s>d", 1);
  const transcript = Buffer.concat(messages);
  expect(clientFinished.plaintext.subarray(12, 24)).toEqual(
    deriveVerifyData(masterSecret, "client", transcript),
  );
  const whole = Buffer.concat([transcript, clientFinished.plaintext.subarray(0, 24)]);
  expect(serverFinished.plaintext.subarray(12)).toEqual(
    deriveVerifyData(masterSecret, "server", whole),
  );
});

test("a moved record is authenticated as type 25", () => {
  const randoms = Array.from({ length: 96 }, (_, i) => i);
  const master = Buffer.from(Array.from({ length: 48 }, (_, i) => 0x80 + i));
  const block = deriveKeyBlock(
    master,
    Buffer.from(randoms.slice(0, 32)),
    Buffer.from(randoms.slice(64, 96)),
  );
  const key = { key: block.clientWriteKey, iv: block.clientWriteIv };
  const moved =
    "fdfefd0001000000000005c1d0c1d0c1d0c1d00020000100000000000541cf25fcd59f19f536588bade5c6410840af01845a3cb110";
  for (const text of [moved, `19${moved.slice(2)}`]) {
    const [record] = parseRecords(hex(text), 8).records;
    const opened = openConnectionIdRecord(record, key, DRAFT_05);
    expect(opened).toEqual({ contentType: 23, content: hex("40000102") });
  }
  const answer = sealRecord({ type: 23, epoch: 1, sequenceNumber: 3 }, hex("60000102"), {
    key: block.serverWriteKey,
    iv: block.serverWriteIv,
  });
  expect(answer.toString("hex")).toBe(
    "17fefd0001000000000003001400010000000000033fafa890c1a60abfcb61776e",
  );
});

test("the AAD of RFC 9146 §5.3", () => {
  const header = { epoch: 1, sequenceNumber: 5 };
  expect(connectionIdAad(header, hex("c1d0"), 16, RFC_9146).toString("hex")).toBe(
    "ffffffffffffffff" + "19" + "02" + "19" + "fefd" + "0001000000000005" + "c1d0" + "0010",
  );
});
