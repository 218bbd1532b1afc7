// What is wrong with messages of OTA protocol v3: it costs the message, at most the update, never the
// connection. And what goes on beside an update.

import { ConnectionState, EventKind, MemoryStorage, Status } from "../../bindings/node";
import { CoapCode, CoapType, uintOption } from "../../cloud/coap/codec";
import type { CoapOption } from "../../cloud/coap/codec";
import { signApplication } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { TEST_UPDATE_KEY } from "../support/update-key";
import type { UpdateWorld } from "../support/update-world";
import { UpdateOption, diagnosisOf, updating } from "../support/update-world";
import { DEVICE_ID } from "../support/world";

const signed = (bytes: number, version = 7): Buffer =>
  signApplication(applicationOf(bytes), TEST_UPDATE_KEY, { version });

const small = signed(3000);
const large = signed(22_000);
const path = (resource: string): CoapOption => ({ number: 11, value: Buffer.from(resource) });

/** The connection serves calls, and never ended. */
async function expectAlive(world: UpdateWorld): Promise<void> {
  expect(world.state).toBe(ConnectionState.Connected);
  const call = world.cloud.call(DEVICE_ID, "none");
  await expect(world.settle(call)).rejects.toMatchObject({ code: "function-not-found" });
  const ends = world.events.filter(({ kind }) => kind === EventKind.CloseLink);
  expect(ends).toEqual([]);
  expect(world.cloud.counters).toEqual({});
}

describe("UpdateStart", () => {
  const sha = Buffer.alloc(32, 1);
  const good = [
    path("S"),
    uintOption(UpdateOption.FileSize, 3000),
    { number: UpdateOption.FileHash, value: sha },
    uintOption(UpdateOption.ChunkSize, 512),
  ];
  const without = (number: number): CoapOption[] => good.filter((o) => o.number !== number);
  const withOption = (number: number, value: Buffer): CoapOption[] => [
    ...without(number),
    { number, value },
  ];
  const bad: [string, CoapOption[]][] = [
    ["no size", without(UpdateOption.FileSize)],
    ["size 0", withOption(UpdateOption.FileSize, Buffer.alloc(0))],
    ["size of 5 bytes", withOption(UpdateOption.FileSize, Buffer.of(0, 0, 0, 11, 184))],
    ["no chunk size", without(UpdateOption.ChunkSize)],
    ...[0, 508, 510, 1138, 1140, 65536].map((size): [string, CoapOption[]] => [
      `chunks of ${size} bytes`,
      [...without(UpdateOption.ChunkSize), uintOption(UpdateOption.ChunkSize, size)],
    ]),
    ["hash of 31 bytes", withOption(UpdateOption.FileHash, sha.subarray(1))],
    ["hash of 33 bytes", withOption(UpdateOption.FileHash, Buffer.alloc(33))],
    ["hash without bytes", withOption(UpdateOption.FileHash, Buffer.alloc(0))],
    ["discard with content", withOption(UpdateOption.DiscardData, Buffer.of(1))],
    ["module function of 5 bytes", withOption(UpdateOption.ModuleFunction, Buffer.alloc(5))],
    ["size twice", [...good, uintOption(UpdateOption.FileSize, 3000)]],
  ];

  test.each(bad)("%s: an acknowledgement 5.03 with a diagnosis", async (_name, options) => {
    const { world, sender } = updating();
    const token = sender.token();
    sender.message({ token, options });
    const [reply] = sender.take();
    expect(reply).toMatchObject({
      type: CoapType.Acknowledgement,
      code: CoapCode.ServiceUnavailable,
      token,
    });
    expect(diagnosisOf(reply)).toEqual({ code: -240, message: "Invalid message options" });
    expect(world.eventsOf(EventKind.UpdateStarted)).toEqual([]);
    await expectAlive(world);
  });

  test("the diagnosis byte by byte, and again when the request is repeated", () => {
    const { sender } = updating();
    const start = "41027008ab b153 e206f1 03e8 82 01ff";
    const reply =
      "61a37008abff7b22636f6465223a2d3234302c226d657373616765223a22496e76616c6964206d657373616765206f7074696f6e73227d";
    sender.bytes(start);
    sender.bytes(start);
    expect(sender.inbox.map(({ bytes }) => bytes.toString("hex"))).toEqual([reply, reply]);
  });

  test("a critical option that nobody knows: 4.02", () => {
    const { sender } = updating();
    for (const number of [3, 9, 2050 + 1, 2079, 2081, 65535]) {
      const option = { number, value: Buffer.of(1) };
      sender.message({ token: sender.token(), options: [...good, option] });
      expect(sender.take()).toMatchObject([
        { type: CoapType.Acknowledgement, code: CoapCode.BadOption },
      ]);
    }
  });

  test("elective options that nobody knows are ignored", () => {
    const { sender } = updating();
    const options = [4, 14, 2050, 2082, 65534].map((number) => ({ number, value: Buffer.of(1) }));
    sender.message({ token: sender.token(), options: [...good, ...options] });
    expect(sender.answer().code).toBe(CoapCode.Created);
  });

  test("not confirmable: 5.03, not confirmable, or RST without a token", () => {
    for (const resource of ["S", "F"]) {
      const { sender } = updating();
      const type = CoapType.NonConfirmable;
      const options = [path(resource), ...good.slice(1)];
      const token = sender.token();
      sender.message({ type, token, options });
      const [reply] = sender.take();
      expect(reply).toMatchObject({ type, code: CoapCode.ServiceUnavailable, token });
      expect(diagnosisOf(reply).code).toBe(-240);
      const messageId = sender.message({ type, options });
      expect(sender.take()).toMatchObject([{ type: CoapType.Reset, messageId, code: 0 }]);
    }
  });

  test("without a token: an acknowledgement 5.03", () => {
    const { sender } = updating();
    for (const options of [good, [path("F")]]) {
      const messageId = sender.message({ options });
      expect(sender.take()).toMatchObject([
        { type: CoapType.Acknowledgement, code: CoapCode.ServiceUnavailable, messageId },
      ]);
    }
  });

  test("longer paths and other methods are no updates", () => {
    const { sender } = updating();
    for (const message of [
      { options: [path("S"), path("x"), ...good.slice(1)] },
      { options: [path("SS")] },
      { code: CoapCode.Put, options: [path("S")] },
      { code: CoapCode.Get, options: [path("F")] },
      { options: [path("A")] },
      { options: [path("u")] },
    ]) {
      sender.message({ token: sender.token(), ...message });
      const [{ type, code }] = sender.take();
      expect(type).toBe(CoapType.Acknowledgement);
      expect([CoapCode.NotFound, CoapCode.BadOption]).toContain(code);
    }
  });

  test("refusals before a chunk comes: acknowledged, then 5.03", async () => {
    const refusals: [string, number, (world: UpdateWorld) => void, number?][] = [
      ["disabled", -1380, (world) => world.core.exports.update_enable!(0, world.deviceNow)],
      ["too large", -1351, () => undefined, 65_537],
      ["the largest number", -1351, () => undefined, 0xffffffff],
    ];
    for (const [, code, prepare, size] of refusals) {
      const { world, sender } = updating();
      prepare(world);
      const answer = sender.start(small, size === undefined ? {} : { size });
      expect(answer).toMatchObject({
        type: CoapType.Confirmable,
        code: CoapCode.ServiceUnavailable,
      });
      expect(diagnosisOf(answer).code).toBe(code);
      const messageId = sender.sendChunk(1);
      expect(sender.take()).toMatchObject([{ type: CoapType.Reset, messageId }]);
      expect(world.eventsOf(EventKind.UpdateStarted)).toEqual([]);
    }
    const { world, sender } = updating({ storage: new MemoryStorage() });
    expect(diagnosisOf(sender.start(small))).toEqual({ code: -155, message: "no update keys" });
    await expectAlive(world);
    const assets = updating();
    expect(diagnosisOf(assets.sender.start(small, { image: 9 })).code).toBe(-120);
  });
});

describe("UpdateChunk", () => {
  test("without an update: RST; the protocol's bytes", async () => {
    const { world, sender } = updating();
    sender.bytes("50027009b143e106e901ffdead");
    expect(sender.inbox.map(({ bytes }) => bytes.toString("hex"))).toEqual(["70007009"]);
    sender.take();
    await expectAlive(world);
  });

  test("of a wrong length or number, malformed: RST, and the update goes on", async () => {
    const { world, sender } = updating();
    sender.start(small);
    const last = small.length - 2 * 1136;
    const index = (value: Buffer): CoapOption => ({ number: UpdateOption.ChunkIndex, value });
    const chunk = small.subarray(0, 1136);
    const wrong: [CoapOption[], Uint8Array][] = [
      [[index(Buffer.of(0))], chunk],
      [[index(Buffer.alloc(0))], chunk],
      [[index(Buffer.of(4))], chunk],
      [[index(Buffer.of(255, 255, 255, 255))], chunk],
      [[index(Buffer.of(0, 0, 0, 0, 1))], chunk],
      [[], chunk],
      [[index(Buffer.of(1)), index(Buffer.of(1))], chunk],
      [[index(Buffer.of(1)), { number: 9, value: Buffer.of(1) }], chunk],
      [[index(Buffer.of(1))], chunk.subarray(1)],
      [[index(Buffer.of(1))], Buffer.alloc(1137)],
      [[index(Buffer.of(1))], Buffer.alloc(0)],
      [[index(Buffer.of(3))], Buffer.alloc(last + 1)],
      [[index(Buffer.of(3))], Buffer.alloc(last - 1)],
    ];
    for (const [options, payload] of wrong) {
      const messageId = sender.message({
        type: CoapType.NonConfirmable,
        options: [path("C"), ...options],
        payload: Buffer.from(payload),
      });
      expect(sender.take()).toMatchObject([{ type: CoapType.Reset, code: 0, messageId }]);
    }
    sender.sendAll();
    sender.finish();
    const answer = sender.answer();
    expect(answer.code).toBe(CoapCode.Changed);
    expect(JSON.parse(answer.payload.toString())).toMatchObject({ recv_chunks: 3, ooo_chunks: 0 });
    world.run(10);
    expect(world.eventsOf(EventKind.ApplicationChange)).toHaveLength(1);
    await expectAlive(world);
  });

  test("confirmable chunks are acknowledged, bad ones reset", () => {
    const { sender } = updating();
    sender.start(small);
    const options = [path("C"), uintOption(UpdateOption.ChunkIndex, 1)];
    sender.message({ token: sender.token(), options, payload: small.subarray(0, 1136) });
    const [ack] = sender.take();
    expect(ack).toMatchObject({ type: CoapType.Acknowledgement, code: CoapCode.Empty });
    sender.message({ token: sender.token(), options, payload: small.subarray(0, 10) });
    expect(sender.take()).toContainEqual(expect.objectContaining({ type: CoapType.Reset }));
  });

  test("a manifest that is refused: RST to the chunk and later ones; UpdateFinish says why", async () => {
    const foreign = signApplication(applicationOf(22_000), TEST_UPDATE_KEY, {
      version: 7,
      boards: [12],
    });
    const { world, sender } = updating();
    sender.start(foreign);
    const first = sender.sendChunk(1);
    world.run(10);
    expect(sender.take()).toContainEqual(
      expect.objectContaining({ type: CoapType.Reset, messageId: first }),
    );
    const second = sender.sendChunk(2);
    expect(sender.take()).toMatchObject([{ type: CoapType.Reset, messageId: second }]);
    expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([
      { status: Status.UpdateWrongBoard },
    ]);
    for (let again = 0; again < 2; again++) {
      sender.finish();
      expect(diagnosisOf(sender.answer())).toEqual({
        code: Status.UpdateWrongBoard,
        message: "wrong board",
      });
    }
    expect(world.eventsOf(EventKind.ApplicationChange)).toEqual([]);
    await expectAlive(world);
    // And the next update is taken.
    sender.start(small);
    sender.sendAll();
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
  });

  test("content that is not what was announced: 5.03 at the end, and nothing is kept of it", () => {
    const { world, sender } = updating();
    const changed = Buffer.from(large);
    changed[20_000] ^= 1;
    sender.start(large);
    sender.file = changed;
    sender.sendAll();
    sender.take();
    sender.finish();
    expect(diagnosisOf(sender.answer())).toMatchObject({ code: Status.UpdateHash });
    expect(sender.start(large).options.find(({ number }) => number === 2057)!.value).toHaveLength(
      0,
    );
    expect(world.state).toBe(ConnectionState.Connected);
  });
});

describe("UpdateFinish", () => {
  test("without an update, and to cancel none: -210", async () => {
    const { world, sender } = updating();
    for (const flags of [{}, { discard: true }, { cancel: true }]) {
      sender.finish(flags);
      const answer = sender.answer();
      expect(answer).toMatchObject({
        type: CoapType.Confirmable,
        code: CoapCode.ServiceUnavailable,
      });
      expect(diagnosisOf(answer)).toEqual({ code: -210, message: "no update" });
    }
    await expectAlive(world);
  });

  test("before all is there: -240; the next attempt goes on, unless it is discarded", async () => {
    for (const discard of [false, true]) {
      const { world, sender } = updating();
      sender.start(large);
      for (let number = 1; number < sender.count; number++) sender.sendChunk(number);
      world.run(100);
      sender.take();
      sender.finish({ discard });
      expect(diagnosisOf(sender.answer())).toEqual({ code: -240, message: "incomplete" });
      expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([
        { status: Status.UpdateTruncated },
      ]);
      const messageId = sender.sendChunk(sender.count);
      expect(sender.take()).toMatchObject([{ type: CoapType.Reset, messageId }]);
      sender.start(large);
      expect(sender.held > 0).toBe(!discard);
      await expectAlive(world);
    }
  });

  test("with content where there shall be none: an acknowledgement 5.03", () => {
    const { sender } = updating();
    for (const number of [UpdateOption.CancelUpdate, UpdateOption.DiscardData]) {
      const options = [path("F"), { number, value: Buffer.of(1) }];
      sender.message({ token: sender.token(), options });
      const [reply] = sender.take();
      expect(reply.type).toBe(CoapType.Acknowledgement);
      expect(diagnosisOf(reply).code).toBe(-240);
    }
  });

  test("asked while the file is checked: the last one that asked is answered", () => {
    const { sender } = updating();
    sender.start(small);
    sender.sendAll();
    sender.take();
    sender.finish();
    const token = sender.token();
    sender.message({ token, options: [path("F")] });
    expect(sender.answer()).toMatchObject({ code: CoapCode.Changed, token });
  });
});

describe("time", () => {
  test("300 s without a chunk end it; what came is kept", async () => {
    const { world, sender } = updating();
    sender.start(large);
    for (let number = 1; number <= 10; number++) sender.sendChunk(number);
    const at = world.now;
    world.run(299_999);
    expect(world.eventsOf(EventKind.UpdateEnded)).toEqual([]);
    world.run(2);
    expect(world.now).toBe(at + 300_001);
    expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.UpdateTimeout }]);
    sender.take();
    sender.finish();
    expect(diagnosisOf(sender.answer())).toEqual({ code: -160, message: "timeout" });
    world.run(301_000);
    sender.finish();
    expect(diagnosisOf(sender.answer())).toMatchObject({ code: -210 });
    sender.start(large);
    expect(sender.held).toBeGreaterThan(0);
    await expectAlive(world);
  });

  test("a chunk begins the 300 s again; a bad one does not", () => {
    const { world, sender } = updating();
    sender.start(large);
    world.run(200_000);
    sender.sendChunk(1);
    world.run(200_000);
    sender.sendChunk(2, Buffer.alloc(3));
    expect(world.eventsOf(EventKind.UpdateEnded)).toEqual([]);
    world.run(100_001);
    expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.UpdateTimeout }]);
  });
});

describe("beside an update", () => {
  test("events, calls and the keepalive go on at their time while the device works", async () => {
    const { world, sender } = updating();
    const called: number[] = [];
    world.core.registerFunction("f", world.deviceNow);
    world.drain();
    world.run(1000);
    world.onEvent = (event) => {
      if (event.kind === EventKind.FunctionCall) called.push(event.call);
    };
    sender.start(large);
    sender.sendChunk(1);
    // The device has work: a call in the middle of it is answered before it is done.
    expect(world.core.exports.poll_timeout(world.deviceNow)).toBe(0);
    const before = world.received.length;
    world.core.publish("beside", "1");
    world.drain();
    const result = world.cloud.call(DEVICE_ID, "f");
    world.runUntil(() => called.length > 0, 100);
    world.core.exports.function_result(called[0], 5);
    world.drain();
    expect(await world.settle(result)).toBe(5);
    expect(world.received.slice(before).map(({ name }) => name)).toContain("beside");
    const pings = (): number => world.sent.filter(({ bytes }) => bytes.length === 42).length;
    const sentBefore = pings();
    world.run(25_100);
    expect(pings()).toBeGreaterThan(sentBefore);
    expect(world.eventsOf(EventKind.UpdateEnded)).toEqual([]);
  });

  test("chunks do not push out what is remembered of confirmable requests", () => {
    const { world, sender } = updating();
    world.core.registerFunction("f", world.deviceNow);
    world.drain();
    world.run(1000);
    sender.start(large);
    const call = "4102 7fff ee b166 0166 4178".replace(/ /g, "");
    sender.bytes(call);
    const calls = (): number => world.eventsOf(EventKind.FunctionCall).length;
    expect(calls()).toBe(1);
    for (let number = 1; number < sender.count; number++) sender.sendChunk(number);
    for (let number = 1; number <= 40; number++) sender.sendChunk(number % 7, Buffer.alloc(1));
    sender.take();
    sender.bytes(call);
    expect(calls()).toBe(1);
    expect(sender.take()).toMatchObject([{ type: CoapType.Acknowledgement, messageId: 0x7fff }]);
  });

  test("a link that is lost and taken up again costs the update nothing", () => {
    const { world, sender } = updating();
    sender.start(large);
    for (let number = 1; number <= 5; number++) sender.sendChunk(number);
    world.core.exports.link_down(world.deviceNow);
    world.drain();
    world.run(20_000);
    expect(world.state).toBe(ConnectionState.Connected);
    expect(world.sessions.size).toBe(1);
    for (let number = 6; number <= sender.count; number++) sender.sendChunk(number);
    world.run(10);
    sender.take();
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
  });

  test("a new session ends it; the next attempt goes on", async () => {
    const { world, sender } = updating();
    sender.start(large);
    for (let number = 1; number <= 10; number++) sender.sendChunk(number);
    world.run(100);
    world.cloud.disconnect(DEVICE_ID);
    world.drain();
    world.run(10_000);
    expect(world.state).toBe(ConnectionState.Connected);
    expect(world.sessions.size).toBe(2);
    expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.Aborted }]);
    sender.take();
    const messageId = sender.sendChunk(11);
    expect(sender.take()).toMatchObject([{ type: CoapType.Reset, messageId }]);
    sender.start(large);
    expect(sender.held).toBeGreaterThan(0);
    sender.sendAll();
    sender.finish();
    expect(sender.answer().code).toBe(CoapCode.Changed);
  });

  test("image areas that fail in the middle of it: 5.03, and the connection lives", async () => {
    const { world, sender } = updating();
    sender.start(large);
    const { images } = world;
    const write = images.write.bind(images);
    images.write = () => {
      throw new Error("flash");
    };
    const messageId = sender.sendChunk(1);
    expect(sender.take()).toMatchObject([{ type: CoapType.Reset, messageId }]);
    sender.finish();
    expect(diagnosisOf(sender.answer())).toEqual({ code: -220, message: "storage" });
    images.write = write;
    await expectAlive(world);
  });
});
