// The core's key schedule, record layer, Finished and CoAP codec against a whole session of a genuine
// Device OS device, and against a record that was computed independently.

import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

import { decodeCoap } from "../../cloud/coap/codec";
import { Internals } from "../support/internals";

interface SessionVector {
  masterSecret: string;
  clientRandom: string;
  serverRandom: string;
  cid: string;
  keyBlock: string;
  datagrams: {
    dir: "d>s" | "s>d";
    records: { type: number; epoch: number; record: string; plaintext?: string }[];
  }[];
}

const load = (name: string): unknown =>
  JSON.parse(readFileSync(path.join(__dirname, "../vectors", name), "utf8"));
const hex = (text: string): Buffer => Buffer.from(text, "hex");

const session = load("device-os-6.2-session.json") as SessionVector;
const calculated = load("record.json") as {
  masterSecret: string;
  clientRandom: string;
  serverRandom: string;
  keyBlock: string;
  connectionId: string;
  up: { number: number; inner: string; record: string; movedRecord: string };
  down: { plaintext: string; record: string };
};

const core = new Internals();
beforeEach(() => core.reset());

/** Seal the inner plaintext (content, type, padding) of a record of the device. */
function seal(
  keyBlock: Buffer,
  cid: Buffer,
  number: number,
  inner: Buffer,
  moved: boolean,
): Buffer {
  core.reset();
  core.call.recordSetKeys(core.put(keyBlock), core.put(cid), cid.length, BigInt(number));
  // The core does not pad: its last inner byte is the type, which with padding is a zero.
  const record = core.put(Buffer.alloc(0), 29 + inner.length + 8);
  core.set(record + 29, inner.subarray(0, -1));
  const size = core.call.recordSeal(
    record,
    inner[inner.length - 1],
    inner.length - 1,
    moved ? 1 : 0,
  );
  return core.get(record, size);
}

/** Open a record of the server. @returns undefined when the core discards it */
function open(keyBlock: Buffer, record: Buffer): Buffer | undefined {
  core.reset();
  core.call.recordSetKeys(core.put(keyBlock), core.put(Buffer.alloc(8)), 8, 0n);
  const at = core.put(record);
  const size = core.call.recordOpen(at, record.length - 13);
  return size < 0 ? undefined : core.get(at + 21, size);
}

/** Key block that the core derives. */
function deriveKeyBlock(secrets: Omit<SessionVector, "datagrams" | "cid" | "keyBlock">): Buffer {
  core.set(core.call.sessionMasterSecret(), hex(secrets.masterSecret));
  core.set(core.call.clientRandom(), hex(secrets.clientRandom));
  core.set(core.call.serverRandom(), hex(secrets.serverRandom));
  core.call.deriveKeyBlock();
  return core.get(core.call.sessionKeyBlock(), 40);
}

function records(direction: string, epoch: number): { record: Buffer; plaintext: Buffer }[] {
  return session.datagrams
    .filter(({ dir }) => dir === direction)
    .flatMap((datagram) => datagram.records)
    .filter((entry) => entry.epoch === epoch)
    .map(({ record, plaintext }) => ({ record: hex(record), plaintext: hex(plaintext ?? "") }));
}

test("key block", () => {
  expect(deriveKeyBlock(session).toString("hex")).toBe(session.keyBlock);
  expect(deriveKeyBlock(calculated).toString("hex")).toBe(calculated.keyBlock);
});

test("every record of the device is sealed byte for byte, padding included", () => {
  const sealed = records("d>s", 1);
  expect(sealed.length).toBeGreaterThan(10);
  for (const { record, plaintext } of sealed) {
    const number = record.readUIntBE(5, 6);
    const again = seal(hex(session.keyBlock), hex(session.cid), number, plaintext, false);
    expect(again.toString("hex")).toBe(record.toString("hex"));
  }
});

test("every record of the server opens; none with a changed byte does", () => {
  const sealed = records("s>d", 1);
  expect(sealed.length).toBeGreaterThan(10);
  for (const { record, plaintext } of sealed) {
    expect(open(hex(session.keyBlock), record)).toEqual(plaintext);
  }
  const [{ record }] = sealed;
  for (let at = 0; at < record.length; at++) {
    // The length stands outside: whoever cuts the datagram into records checks it.
    if (at === 11 || at === 12) continue;
    const changed = Buffer.from(record);
    changed[at] ^= 0x10;
    // The version is not read again for the additional data; the channel refuses another one.
    const opened = open(hex(session.keyBlock), changed);
    if (at === 1 || at === 2) expect(opened).toBeDefined();
    else expect({ at, opened }).toEqual({ at, opened: undefined });
  }
});

test("without padding the record opens to the same content", () => {
  const { number, inner } = calculated.up;
  const content = hex(inner).subarray(0, 5);
  const cid = hex(calculated.connectionId);
  const keyBlock = hex(calculated.keyBlock);
  const record = seal(keyBlock, cid, number, content, false);
  expect(record.length).toBe(29 + 5 + 8);
  const nonce = Buffer.concat([keyBlock.subarray(32, 36), record.subarray(21, 29)]);
  const key = keyBlock.subarray(0, 16);
  const decipher = createDecipheriv("aes-128-ccm", key, nonce, { authTagLength: 8 });
  const aad = Buffer.concat([
    record.subarray(3, 11),
    hex("19fefd"),
    cid,
    Buffer.of(cid.length, 0, content.length),
  ]);
  decipher.setAuthTag(record.subarray(-8));
  decipher.setAAD(aad, { plaintextLength: content.length });
  expect(decipher.update(record.subarray(29, -8))).toEqual(content);
  decipher.final();
});

test("a moved record differs in its first byte only", () => {
  const { number, inner, record, movedRecord } = calculated.up;
  const keyBlock = hex(calculated.keyBlock);
  const cid = hex(calculated.connectionId);
  expect(seal(keyBlock, cid, number, hex(inner), false).toString("hex")).toBe(record);
  expect(seal(keyBlock, cid, number, hex(inner), true).toString("hex")).toBe(movedRecord);
  const opened = open(keyBlock, hex(calculated.down.record));
  expect(opened?.toString("hex")).toBe(calculated.down.plaintext);
});

test("both Finished messages follow from the transcript", () => {
  deriveKeyBlock(session);
  core.call.transcriptReset();
  const messages = session.datagrams
    .flatMap((datagram) => datagram.records)
    .filter(({ type, epoch }) => type === 22 && epoch === 0)
    .map((entry) => hex(entry.record).subarray(13));
  const add = (message: Buffer): void => {
    const body = message.subarray(12);
    core.call.transcriptAdd(message[0], message.readUInt16BE(4), core.put(body), body.length);
  };
  const verifyData = (isClient: boolean): string => {
    const digest = core.put(Buffer.alloc(32));
    const output = core.put(Buffer.alloc(12));
    core.call.transcriptHash(digest);
    core.call.deriveVerifyData(output, isClient ? 1 : 0, digest);
    return core.get(output, 12).toString("hex");
  };
  for (const message of messages) add(message);
  const [client] = records("d>s", 1);
  expect(verifyData(true)).toBe(client.plaintext.subarray(12, 24).toString("hex"));
  add(client.plaintext.subarray(0, 24));
  const [server] = records("s>d", 1);
  expect(verifyData(false)).toBe(server.plaintext.subarray(12).toString("hex"));
});

test("the genuine server's ServerHello is accepted, with session id and point formats", () => {
  const message = hex(session.datagrams[1].records[0].record).subarray(25);
  const random = core.put(Buffer.alloc(32));
  expect(core.call.decodeServerHello(core.put(message), message.length, random)).toBe(0);
  expect(core.get(random, 32).toString("hex")).toBe(session.serverRandom);
  expect(core.get(core.call.serverHelloCid(), 8).toString("hex")).toBe(session.cid);
});

test("every CoAP message of the session decodes, and encodes to the same bytes", () => {
  const device = records("d>s", 1).map(({ plaintext }) => {
    const end = plaintext.length - [...plaintext].reverse().findIndex((byte) => byte !== 0);
    return { type: plaintext[end - 1], content: plaintext.subarray(0, end - 1) };
  });
  const server = records("s>d", 1).map(({ record, plaintext }) => {
    return { type: record[0], content: plaintext };
  });
  const application = [...device, ...server].filter(({ type }) => type === 23);
  expect(application.length).toBeGreaterThan(20);
  for (const { content } of application) {
    core.reset();
    const expected = decodeCoap(content);
    expect(core.call.decodeMessage(core.put(content), content.length)).toBe(0);
    const options: [number, Buffer][] = [];
    while (core.call.optionNext()) {
      const value = core.get(core.call.optionValue(), core.call.optionLength());
      options.push([core.call.optionNumber(), value]);
    }
    expect(options).toEqual(expected.options.map(({ number, value }) => [number, value]));
    const payload = core.get(core.call.messagePayload(), core.call.messagePayloadLength());
    expect(payload).toEqual(expected.payload);

    const buffer = core.put(Buffer.alloc(0), 1200);
    const { token, type, code, messageId } = expected;
    core.call.encodeMessage(buffer, 1200, type, code, messageId, core.put(token), token.length);
    for (const [number, value] of options) {
      core.call.encodeOption(number, core.put(value), value.length);
    }
    core.call.encodePayload(core.put(payload), payload.length);
    expect(core.get(buffer, core.call.encodeEnd()).toString("hex")).toBe(content.toString("hex"));
  }
});
