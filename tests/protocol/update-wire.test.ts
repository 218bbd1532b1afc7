// OTA protocol v3 on the wire: every message that begins, carries and ends an update, byte by byte
// where the protocol's notes have bytes. What is wrong is in update-wire-errors.test.ts.

import { ConnectionState, EventKind, MemoryImages, Status } from "../../bindings/node";
import { CoapCode, CoapType, findUint } from "../../cloud/coap/codec";
import { signApplication, signCommand } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { otaTcpModule } from "../support/chunked-sender";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { UpdateOption, diagnosisOf, sha256, updating } from "../support/update-world";

const signed = (bytes: number, version = 7): Buffer =>
  signApplication(applicationOf(bytes), TEST_UPDATE_KEY, { version });

/** 3 chunks of 1136 bytes; 20. */
const small = signed(3000);
const large = signed(22_000);
/** 274 chunks of 512 bytes. */
const huge = signed(140_000);

test("a signed application, from start to the application's change", () => {
  const { world, sender } = updating();
  expect(sender.start(small).code).toBe(CoapCode.Created);
  sender.sendAll();
  expect(sender.acks().at(-1)).toMatchObject({ sequence: 3, ahead: [] });
  sender.finish();
  const answer = sender.answer();
  expect(answer.code).toBe(CoapCode.Changed);
  expect(JSON.parse(answer.payload.toString())).toEqual({
    recv_chunks: 3,
    dup_chunks: 0,
    ooo_chunks: 0,
    sent_acks: expect.any(Number) as number,
    proc_time: expect.any(Number) as number,
  });
  world.run(100);
  expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.Ok, version: 7 }]);
  expect(world.eventsOf(EventKind.ApplicationChange)).toMatchObject([
    { status: Status.Ok, version: 7, length: small.length },
  ]);
  expect(world.state).toBe(ConnectionState.Connected);
  expect(world.cloud.counters).toEqual({});
});

test("the same with the module for both transports", () => {
  const { world, sender } = updating({ module: otaTcpModule() });
  sender.start(small);
  sender.sendAll();
  sender.finish();
  expect(sender.answer().code).toBe(CoapCode.Changed);
  world.run(100);
  expect(world.eventsOf(EventKind.ApplicationChange)).toMatchObject([{ version: 7 }]);
});

test("a signed command: one short chunk, obeyed when its answer is acknowledged", () => {
  const { world, sender } = updating();
  sender.start(small);
  sender.sendAll();
  sender.finish();
  sender.answer();
  world.run(10);
  const { application_image: image } = world.core.exports;
  const command = signCommand("disable", TEST_UPDATE_KEY, { sequence: 1 });
  expect(command.length).toBeLessThan(512);
  sender.start(command, { chunk: 512 });
  sender.sendAll();
  sender.acknowledges = false;
  sender.finish();
  const answer = sender.answer();
  expect(answer.code).toBe(CoapCode.Changed);
  world.run(10);
  expect(image!()).toBe(0);
  sender.acknowledge(answer);
  world.run(10);
  expect(image!()).toBe(Status.ApplicationDisabled);
  // Once: a replay is refused.
  sender.acknowledges = true;
  sender.start(command, { chunk: 512 });
  sender.sendAll();
  sender.take();
  sender.finish();
  expect(diagnosisOf(sender.answer())).toEqual({ code: -156, message: "replayed" });
});

describe("UpdateStart", () => {
  test("without a hash: the protocol's bytes", () => {
    const { sender } = updating();
    sender.bytes("41027008ab b153 e206f1 03e8 82 0200");
    expect(sender.inbox.map(({ bytes }) => bytes.toString("hex"))).toEqual(["60007008"]);
    sender.take();
    sender.answer();
    sender.bytes("41027009ac b153 e206f1 03e8 82 0200");
    sender.world.run(10);
    // The answer's message id is the device's.
    expect(sender.takeBytes()).toEqual(["6000....", "4141....ac" + "e206f8" + "0100" + "40"]);
  });

  test("with hash, module function and discard", () => {
    const { sender } = updating();
    const hash = sha256(small).toString("hex");
    sender.bytes(`41027008ab b153 e206f1 03e8 4d13 ${hash} 42 0200 40 81 05`);
    sender.world.run(10);
    expect(sender.takeBytes()).toEqual(["6000....", "4141....ab" + "e206f8" + "0100" + "40"]);
  });

  test("the window is 128 KiB, 256 chunks at most", () => {
    for (const [chunk, window] of [
      [512, 256],
      [516, 254],
      [1024, 128],
      [1136, 115],
    ]) {
      const { sender } = updating();
      const answer = sender.start(small, { chunk });
      expect(findUint(answer, UpdateOption.WindowSize)).toBe(window);
      expect(findUint(answer, UpdateOption.FileSize)).toBe(0);
    }
  });

  test("tokens of 1 to 8 bytes come back", () => {
    const { sender } = updating();
    for (const token of [Buffer.of(0), Buffer.from("0102030405060708", "hex")]) {
      sender.file = small;
      sender.message({ token, options: sender.startOptions() });
      expect(sender.answer().token).toEqual(token);
    }
  });

  test("repeated under its message id: the same acknowledgement, one answer", () => {
    const { sender } = updating();
    const start = "41027008ab b153 e206f1 03e8 82 0200";
    sender.bytes(start);
    sender.bytes(start);
    sender.world.run(10);
    sender.bytes(start);
    const codes = sender.take().map(({ type, code }) => [type, code]);
    const ack = [CoapType.Acknowledgement, 0];
    expect(codes).toEqual([ack, ack, [CoapType.Confirmable, CoapCode.Created], ack]);
  });

  test("goes on after a power cut where the journal is", () => {
    const { world, sender } = updating();
    sender.start(large);
    for (let number = 1; number <= 12; number++) sender.sendChunk(number);
    world.run(1000);
    world.startDevice();
    world.connectNow();
    world.run(1000);
    const answer = sender.start(large);
    const held = findUint(answer, UpdateOption.FileSize)!;
    expect(held).toBeGreaterThanOrEqual(8192);
    expect(held % 4).toBe(0);
    sender.sendAll();
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
    world.run(10);
    expect(world.eventsOf(EventKind.ApplicationChange)).toMatchObject([{ version: 7 }]);
  });

  test("begins anew with Discard-Data, another hash, or none", () => {
    for (const options of [{ discard: true }, { hash: sha256(small) }, { hash: null }]) {
      const { world, sender } = updating();
      sender.start(large);
      for (let number = 1; number <= 12; number++) sender.sendChunk(number);
      world.run(1000);
      expect(findUint(sender.start(large, options), UpdateOption.FileSize)).toBe(0);
    }
  });

  test("during an update begins another", () => {
    const { world, sender } = updating();
    sender.start(large, { hash: null });
    for (let number = 1; number <= 5; number++) sender.sendChunk(number);
    world.run(1);
    sender.take();
    expect(sender.start(small).code).toBe(CoapCode.Created);
    sender.sendAll();
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
    world.run(10);
    expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([
      { status: Status.UpdateCancelled },
      { status: Status.Ok, version: 7 },
    ]);
  });
});

describe("UpdateAck", () => {
  test("the protocol's bytes", () => {
    const { world, sender } = updating();
    sender.start(large);
    sender.sendChunk(1);
    world.run(300);
    sender.take();
    sender.sendChunk(2);
    world.run(300);
    expect(sender.takeBytes()).toEqual(["5002....b141e106e902"]);
    sender.sendChunk(4);
    sender.take();
    sender.sendChunk(5);
    expect(sender.takeBytes()).toEqual(["5002....b141e106e902ff06000000"]);
  });

  test("0 in sequence is an option without content; more than 255 have two bytes", () => {
    const { sender } = updating({ images: new MemoryImages(262_144) });
    sender.start(huge, { chunk: 512 });
    sender.sendChunk(2);
    expect(sender.takeBytes()).toEqual(["5002....b141e006e9ff02000000"]);
    for (let number = 1; number <= 256; number++) sender.sendChunk(number);
    expect(sender.takeBytes().at(-1)).toBe("5002....b141e206e90100");
  });

  test("every two chunks; 200 ms after one", () => {
    const { world, sender } = updating();
    sender.start(large);
    sender.sendChunk(1); // 200 ms and more after anything: at once
    expect(sender.acks()).toMatchObject([{ sequence: 1 }]);
    world.run(10);
    sender.sendChunk(2);
    expect(sender.acks()).toEqual([]);
    world.run(10);
    sender.sendChunk(3);
    expect(sender.acks()).toMatchObject([{ sequence: 3 }]);
    world.run(10);
    sender.sendChunk(4);
    const at = world.now;
    world.run(199);
    expect(sender.acks()).toEqual([]);
    world.run(1);
    expect(sender.acks()).toMatchObject([{ at: at + 200, sequence: 4 }]);
    world.run(1000);
    expect(sender.acks()).toEqual([]);
  });

  test("at once: duplicates, with a gap, when it closes, after the last", () => {
    const { world, sender } = updating();
    sender.start(large);
    const send = (number: number): [number, number[]][] => {
      world.run(10);
      sender.sendChunk(number);
      return sender.acks().map(({ sequence, ahead }) => [sequence, ahead]);
    };
    send(1);
    expect(send(2)).toEqual([]);
    expect(send(2)).toEqual([[2, []]]);
    expect(send(4)).toEqual([[2, [4]]]);
    expect(send(7)).toEqual([[2, [4, 7]]]);
    expect(send(4)).toEqual([[2, [4, 7]]]);
    expect(send(3)).toEqual([[4, [7]]]);
    expect(send(6)).toEqual([[4, [6, 7]]]);
    expect(send(5)).toEqual([[7, []]]);
    expect(send(8)).toEqual([]);
    expect(send(sender.count)).toEqual([[8, [sender.count]]]);
    for (let number = 9; number < sender.count; number++) send(number);
    expect(send(1)).toEqual([[sender.count, []]]);
  });

  test("a chunk beyond the window is counted, and not kept", () => {
    const { sender } = updating({ images: new MemoryImages(262_144) });
    sender.start(huge, { chunk: 512 });
    sender.sendChunk(257);
    expect(sender.acks()).toMatchObject([{ sequence: 0, ahead: [] }]);
    sender.sendChunk(256);
    expect(sender.acks()).toMatchObject([{ sequence: 0, ahead: [256] }]);
    sender.sendChunk(1);
    sender.sendChunk(257);
    expect(sender.acks().at(-1)).toMatchObject({ sequence: 1, ahead: [256, 257] });
  });

  test("as seldom as the sender asks for: gaps alone force none", () => {
    const { world, sender } = updating();
    sender.start(large, { ackInterval: 4 });
    const send = (number: number): [number, number[]][] => {
      world.run(10);
      sender.sendChunk(number);
      return sender.acks().map(({ sequence, ahead }) => [sequence, ahead]);
    };
    expect([1, 2, 4].map(send)).toEqual([[], [], []]);
    expect(send(5)).toEqual([[2, [4, 5]]]);
    expect([6, 7, 8].map(send)).toEqual([[], [], []]);
    expect(send(3)).toEqual([[8, []]]);
    expect(send(3)).toEqual([[8, []]]);
    expect(send(sender.count)).toEqual([[8, [sender.count]]]);
    expect(send(9)).toEqual([]);
    world.run(200);
    expect(sender.acks()).toMatchObject([{ sequence: 9 }]);
  });

  test("one for the chunks that came in one datagram", () => {
    const { world, sender } = updating();
    sender.start(large, { chunk: 512 });
    const records: Uint8Array[] = [];
    const inject = world.inject.bind(world);
    world.inject = (record) => void records.push(record);
    sender.sendChunk(2);
    sender.sendChunk(3);
    world.inject = inject;
    world.inject(Buffer.concat(records));
    expect(sender.acks()).toMatchObject([{ sequence: 0, ahead: [2, 3] }]);
  });

  test("counts of the statistics", () => {
    const { world, sender } = updating();
    sender.start(small);
    for (const number of [2, 2, 1, 3, 3]) {
      sender.sendChunk(number);
      world.run(1);
    }
    const acks = sender.acks().length;
    sender.finish();
    expect(JSON.parse(sender.answer().payload.toString())).toMatchObject({
      recv_chunks: 5,
      dup_chunks: 2,
      ooo_chunks: 1,
      sent_acks: acks,
    });
  });
});

describe("UpdateFinish", () => {
  test("out of order and repeated chunks make the same file", () => {
    const { world, sender } = updating();
    sender.start(large);
    const order = Array.from({ length: sender.count }, (_, i) => i + 1);
    for (const number of [...order.reverse(), 3, 7, ...order.reverse()]) sender.sendChunk(number);
    world.run(10);
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
    world.run(10);
    expect(world.eventsOf(EventKind.ApplicationChange)).toMatchObject([{ version: 7 }]);
  });

  test("the application changes when the answer is acknowledged, not before", () => {
    const { world, sender } = updating();
    sender.start(small);
    sender.sendAll();
    sender.acknowledges = false;
    sender.finish();
    const answer = sender.answer();
    world.run(3000);
    expect(world.eventsOf(EventKind.ApplicationChange)).toEqual([]);
    // Retransmitted as any confirmable message.
    world.run(8000);
    expect(sender.take().map(({ messageId }) => messageId)).toContain(answer.messageId);
    sender.acknowledge(answer);
    expect(world.eventsOf(EventKind.ApplicationChange)).toHaveLength(1);
  });

  test("an answer that is reset, or never acknowledged, changes nothing", () => {
    const { world, sender } = updating();
    sender.start(small);
    sender.sendAll();
    sender.acknowledges = false;
    sender.finish();
    const answer = sender.answer();
    sender.bytes(Buffer.of(0x70, 0, answer.messageId >> 8, answer.messageId & 255));
    world.run(1000);
    expect(world.eventsOf(EventKind.ApplicationChange)).toEqual([]);
    // Asked again, it answers again.
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
    world.run(400_000);
    expect(world.eventsOf(EventKind.ApplicationChange)).toEqual([]);
    expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([
      { status: Status.Ok },
      { status: Status.UpdateTimeout },
    ]);
    expect(world.state).toBe(ConnectionState.Connected);
    // All is held: the next attempt sends what is after the last 4096 bytes at most.
    sender.acknowledges = true;
    sender.take();
    sender.start(small);
    expect(sender.count).toBeLessThanOrEqual(4);
    sender.sendAll();
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
    expect(world.eventsOf(EventKind.ApplicationChange)).toHaveLength(1);
  });

  test("cancelled: 2.04 without payload; what came is kept unless discarded", () => {
    for (const discard of [false, true]) {
      const { world, sender } = updating();
      sender.start(large);
      for (let number = 1; number <= 12; number++) sender.sendChunk(number);
      world.run(100);
      sender.take();
      sender.finish({ cancel: true, discard });
      const answer = sender.answer();
      expect(answer).toMatchObject({ code: CoapCode.Changed, payload: Buffer.alloc(0) });
      expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([
        { status: Status.UpdateCancelled },
      ]);
      const held = findUint(sender.start(large), UpdateOption.FileSize)!;
      if (discard) expect(held).toBe(0);
      else expect(held).toBeGreaterThan(0);
    }
  });

  test("the protocol's bytes of finish, and of cancel and discard", () => {
    const { world, sender } = updating();
    sender.start(small);
    sender.sendAll();
    sender.take();
    sender.bytes("4102700aacb146");
    world.run(1);
    expect(sender.takeBytes().map((hex) => hex.slice(0, 10))).toEqual(["6000....", "4144....ac"]);
    sender.bytes("4102700bacb146e006fd40");
    world.run(1);
    expect(sender.takeBytes()).toEqual(["6000....", "4144....ac"]);
  });
});

test("a device without areas says that it takes no updates, and refuses them", () => {
  const none = { capacity: () => 0, erase() {}, write() {}, complete() {}, read: () => small };
  const { world, sender } = updating({ images: none });
  expect(world.core.exports.update_open!(0)).toBe(Status.NotSupported);
  const answer = sender.start(small);
  expect(answer.code).toBe(CoapCode.ServiceUnavailable);
  expect(JSON.parse(answer.payload.toString())).toMatchObject({ code: -120 });
});
