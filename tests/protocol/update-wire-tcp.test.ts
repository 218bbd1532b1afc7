// Chunked updates over TCP: the fast and the slow variant, checksums, missing chunks, refusals.

import { ConnectionState, EventKind, Status } from "../../bindings/node";
import { CoapCode, CoapType } from "../../cloud/coap/codec";
import { signApplication } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { ChunkedSender } from "../support/chunked-sender";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { diagnosisOf } from "../support/update-world";

const signed = (bytes: number, boards: number[] = []): Buffer =>
  signApplication(applicationOf(bytes), TEST_UPDATE_KEY, { version: 7, boards });

const file = signed(5000);
const ACK = CoapType.Acknowledgement;
const NON = CoapType.NonConfirmable;

/** Begin, and let the device get ready. */
function ready(sender: ChunkedSender, fast: boolean, content = file, chunkSize = 512): void {
  sender.begin(content, fast, chunkSize);
  const answers = sender.settle();
  expect(answers.map(({ code }) => code)).toEqual([CoapCode.Empty, CoapCode.Changed]);
}

function expectChanged(sender: ChunkedSender): void {
  expect(sender.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.Ok }]);
  expect(sender.eventsOf(EventKind.ApplicationChange)).toMatchObject([
    { status: Status.Ok, version: 7, length: sender.file.length },
  ]);
  expect(sender.host.state).toBe(ConnectionState.Connected);
}

test("Hello says the largest binary and chunks of 512 bytes, and not that it knows v3", () => {
  const { hello } = new ChunkedSender();
  expect(hello).toHaveLength(20);
  expect(hello.readUInt16BE(4) & 0x80).toBe(0);
  expect(hello.readUInt32BE(14)).toBe(65_536);
  expect(hello.readUInt16BE(18)).toBe(512);
});

describe("fast", () => {
  test("chunks are not answered; UpdateDone is, when the file was checked", () => {
    const sender = new ChunkedSender();
    const { messageId, token } = sender.begin(file, true);
    const [ack, answer] = sender.settle();
    expect(ack).toMatchObject({ type: ACK, code: CoapCode.Empty, messageId });
    expect(answer).toMatchObject({ type: NON, code: CoapCode.Changed, token });
    expect(answer.payload).toEqual(Buffer.of(1));
    for (let index = 0; index < sender.count; index++) {
      sender.chunk(index, { index });
      expect(sender.settle()).toEqual([]);
    }
    const done = sender.done();
    expect(sender.take()).toEqual([]);
    const [reply] = sender.settle();
    expect(reply).toMatchObject({ type: ACK, code: CoapCode.Changed, ...done });
    expect(JSON.parse(reply.payload.toString())).toMatchObject({ recv_chunks: sender.count });
    expectChanged(sender);
  });

  test("what is damaged or missing is asked for, until all is there", () => {
    const sender = new ChunkedSender();
    ready(sender, true);
    for (let index = 0; index < sender.count; index++) {
      if (index === 2) continue;
      sender.chunk(index, { index, ...(index % 3 === 1 ? { crc: 1 } : {}) });
    }
    const done = sender.done();
    const [refusal, missing] = sender.settle();
    expect(refusal).toMatchObject({ type: ACK, code: CoapCode.BadRequest, ...done });
    expect(missing).toMatchObject({ type: NON, code: CoapCode.Get });
    expect(missing.options).toEqual([{ number: 11, value: Buffer.from("c") }]);
    expect([...missing.payload.swap16()]).toEqual([1, 0, 2, 0, 4, 0, 7, 0, 10, 0]);
    for (const index of [10, 7, 4, 2]) sender.chunk(index, { index });
    sender.done();
    expect([...sender.settle()[1].payload]).toEqual([0, 1]);
    sender.chunk(1, { index: 1 });
    sender.done();
    expect(sender.settle()[0]).toMatchObject({ type: ACK, code: CoapCode.Changed });
    expectChanged(sender);
  });

  test("at most 40 are asked for at a time", () => {
    const sender = new ChunkedSender();
    ready(sender, true, file, 64);
    sender.done();
    const [, missing] = sender.settle();
    expect(missing.payload).toHaveLength(80);
    expect(missing.payload.readUInt16BE(78)).toBe(39);
  });

  test("repeated and reordered chunks, the last one not filled up, chunks of every size", () => {
    for (const chunkSize of [64, 256, 512, 748]) {
      const sender = new ChunkedSender();
      ready(sender, true, file, chunkSize);
      const last = sender.count - 1;
      const order = Array.from({ length: last }, (_, index) => index).reverse();
      for (const index of [...order, 1, 2]) sender.chunk(index, { index });
      const content = file.subarray(last * chunkSize);
      sender.chunk(last, { index: last, content });
      sender.done();
      expect(sender.settle()[0]).toMatchObject({ type: ACK, code: CoapCode.Changed });
      expectChanged(sender);
    }
  });
});

describe("slow", () => {
  test("each chunk is acknowledged, then answered; a bad one is answered 4.00 and comes again", () => {
    const sender = new ChunkedSender();
    sender.begin(file, false);
    expect(sender.settle()[1].payload).toEqual(Buffer.of(0));
    for (let index = 0; index < sender.count; index++) {
      for (const crc of index % 4 === 0 ? [1, undefined] : [undefined]) {
        const { messageId, token } = sender.chunk(index, crc === undefined ? {} : { crc });
        const [ack, answer] = sender.settle();
        expect(ack).toMatchObject({ type: ACK, code: CoapCode.Empty, messageId });
        const code = crc === undefined ? CoapCode.Changed : CoapCode.BadRequest;
        expect(answer).toMatchObject({ type: NON, code, token });
      }
    }
    sender.done();
    expect(sender.settle()[0]).toMatchObject({ type: ACK, code: CoapCode.Changed });
    expectChanged(sender);
  });

  test("UpdateDone too early is answered 4.00, with what is missing", () => {
    const sender = new ChunkedSender();
    ready(sender, false);
    sender.chunk(0);
    sender.settle();
    sender.done();
    const [reply, missing] = sender.settle();
    expect(reply.code).toBe(CoapCode.BadRequest);
    expect(missing.payload.readUInt16BE(0)).toBe(1);
    expect(missing.payload).toHaveLength(2 * (sender.count - 1));
  });
});

describe("refused", () => {
  test("UpdateBegin that is malformed or too large: 5.03 at once", () => {
    const sender = new ChunkedSender();
    const begin = (chunk: number, size: number): Buffer => {
      const payload = Buffer.alloc(12);
      payload.writeUInt16BE(chunk, 1);
      payload.writeUInt32BE(size, 3);
      return payload;
    };
    const wrong: [Buffer, number][] = [
      [Buffer.alloc(0), -240],
      [begin(512, 5000).subarray(1), -240],
      [Buffer.concat([begin(512, 5000), Buffer.of(0)]), -240],
      [begin(0, 5000), -240],
      [begin(60, 5000), -240],
      [begin(752, 5000), -240],
      [begin(510, 5000), -240],
      [begin(512, 0), -240],
      [begin(64, 64 * 65_537), -240],
      [begin(512, 65_537), -1351],
    ];
    for (const [payload, code] of wrong) {
      const asked = sender.begin(file, true, 512, payload);
      const [reply] = sender.settle();
      expect(reply).toMatchObject({ type: ACK, code: CoapCode.ServiceUnavailable, ...asked });
      expect(diagnosisOf(reply).code).toBe(code);
    }
    expect(sender.host.state).toBe(ConnectionState.Connected);
  });

  test("chunks and UpdateDone without an update: 5.03 with -210", () => {
    const sender = new ChunkedSender();
    sender.file = file;
    for (const ask of [() => sender.chunk(0, { index: 0 }), () => sender.done()]) {
      const asked = ask();
      const [reply] = sender.settle();
      expect(reply).toMatchObject({ type: ACK, code: CoapCode.ServiceUnavailable, ...asked });
      expect(diagnosisOf(reply).code).toBe(-210);
    }
  });

  test("chunks that are none of this update: 5.03, and it goes on", () => {
    const sender = new ChunkedSender();
    ready(sender, true);
    for (const options of [
      { index: sender.count },
      { index: 65_535 },
      { index: 0, content: Buffer.alloc(511) },
      { index: 0, content: Buffer.alloc(0) },
    ]) {
      sender.chunk(0, options);
      expect(diagnosisOf(sender.settle()[0]).code).toBe(-240);
    }
    for (let index = 0; index < sender.count; index++) sender.chunk(index, { index });
    sender.done();
    expect(sender.settle()[0].code).toBe(CoapCode.Changed);
    expectChanged(sender);
  });

  test.each([true, false])(
    "another board's file, fast %p: 5.03 to chunks and UpdateDone",
    (fast) => {
      const sender = new ChunkedSender();
      ready(sender, fast, signed(5000, [12]));
      sender.chunk(0, fast ? { index: 0 } : {});
      sender.settle();
      sender.chunk(1, fast ? { index: 1 } : {});
      expect(diagnosisOf(sender.settle()[0])).toEqual({ code: -144, message: "wrong board" });
      sender.done();
      expect(diagnosisOf(sender.settle()[0])).toEqual({ code: -144, message: "wrong board" });
      expect(sender.eventsOf(EventKind.ApplicationChange)).toEqual([]);
      // The next one is taken.
      ready(sender, fast);
      for (let index = 0; index < sender.count; index++) {
        sender.chunk(index, fast ? { index } : {});
        sender.settle();
      }
      sender.done();
      expect(sender.settle()[0].code).toBe(CoapCode.Changed);
    },
  );

  test("a file that is not what its manifest says: 5.03 to UpdateDone", () => {
    const sender = new ChunkedSender();
    const changed = Buffer.from(file);
    changed[4000] ^= 1;
    ready(sender, true, changed);
    for (let index = 0; index < sender.count; index++) sender.chunk(index, { index });
    sender.done();
    expect(diagnosisOf(sender.settle()[0])).toEqual({ code: -149, message: "wrong hash" });
    expect(sender.host.state).toBe(ConnectionState.Connected);
  });
});

test("messages of OTA protocol v3 are not found over TCP", () => {
  const sender = new ChunkedSender();
  for (const resource of ["S", "C", "F"]) {
    sender.request(2, [{ number: 11, value: Buffer.from(resource) }]);
    expect(sender.settle()[0]).toMatchObject({ type: ACK, code: CoapCode.NotFound });
  }
});

test("a connection that ends ends the update; the next one takes another", () => {
  const sender = new ChunkedSender();
  ready(sender, true);
  sender.chunk(0, { index: 0 });
  sender.reconnect();
  expect(sender.host.state).toBe(ConnectionState.Connected);
  expect(sender.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.Aborted }]);
  sender.chunk(1, { index: 1 });
  expect(diagnosisOf(sender.settle()[0]).code).toBe(-210);
  ready(sender, true);
  for (let index = 0; index < sender.count; index++) sender.chunk(index, { index });
  sender.done();
  expect(sender.settle()[0].code).toBe(CoapCode.Changed);
  expect(sender.eventsOf(EventKind.ApplicationChange)).toHaveLength(1);
});

test("a file whose sender is silent for 300 s: given up", () => {
  const sender = new ChunkedSender();
  ready(sender, true);
  sender.chunk(0, { index: 0 });
  for (let s = 0; s < 300; s += 10) {
    sender.host.run(10_000);
    sender.request(1, [{ number: 11, value: Buffer.from("t") }]);
    sender.take();
  }
  sender.host.run(1000);
  expect(sender.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.UpdateTimeout }]);
  sender.done();
  expect(diagnosisOf(sender.settle()[0]).code).toBe(-160);
  expect(sender.host.state).toBe(ConnectionState.Connected);
});
