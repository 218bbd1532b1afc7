// The Internet test of the Node device, against an NTP server on loopback. Nothing here has a default
// server: pool.ntp.org is never asked.

import { lookup } from "node:dns/promises";

import {
  ConnectionState,
  Device,
  InternetResult,
  MemoryStorage,
  Reason,
  StorageSlot,
} from "../../bindings/node";
import type { InternetTestOptions } from "../../bindings/node";
import { InternetTest } from "../../bindings/node/internet-test";
import { LocalCloud, UdpListener } from "../../cloud";
import { exportSec1, generateKeyPair } from "../../cloud/keys";
import { Registry } from "../../cloud/registry";
import { NtpServer, ntpAnswer } from "../support/ntp-server";
import type { Answers } from "../support/ntp-server";
import { DEVICE_ID, coreModule } from "../support/world";

jest.mock("node:dns/promises", () => {
  const actual = jest.requireActual<{ lookup: typeof lookup }>("node:dns/promises");
  return { ...actual, lookup: jest.fn(actual.lookup) };
});
const mockedLookup = jest.mocked(lookup);

const servers: NtpServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

async function serve(answers: Answers): Promise<NtpServer> {
  const server = await NtpServer.start(answers);
  servers.push(server);
  return server;
}

interface Life {
  /** State, reason and status of each step. */
  states: number[][];
  results: InternetResult[];
  log: string[];
  /** Requests at the NTP server when the first attempt failed, and in the end. */
  requests: number[];
}

/** Three attempts that the cloud refuses, then one that it takes. */
async function live(internetTest: InternetTestOptions | false, server?: NtpServer): Promise<Life> {
  const [keyPair, deviceKey] = [generateKeyPair(), generateKeyPair()];
  const registry = new Registry();
  const listener = await UdpListener.listen(new LocalCloud({ keyPair, registry }), { port: 0 });
  const storage = new MemoryStorage();
  storage.slots.set(StorageSlot.DevicePrivateKey, exportSec1(deviceKey));
  storage.slots.set(StorageSlot.ServerPublicKey, keyPair.spki);
  const life: Life = { states: [], results: [], log: [], requests: [] };
  const device = new Device({
    module: coreModule(),
    storage,
    deviceId: DEVICE_ID,
    server: { host: "127.0.0.1", port: listener.address.port },
    log: (_level, text) => life.log.push(text),
    internetTest,
  });
  device.on("internet", ({ result }) => life.results.push(result));
  let failures = 0;
  device.on("connection", ({ state, reason, status }) => {
    life.states.push([state, reason, status]);
    if (state !== ConnectionState.Disconnected) return;
    if (++failures === 1) life.requests.push(server?.requests.length ?? 0);
    if (failures === 3) registry.register({ id: DEVICE_ID, publicKey: deviceKey.spki });
  });
  await device.connect();
  device.stop();
  await listener.close();
  life.requests.push(server?.requests.length ?? 0);
  return life;
}

test("R17: the states of the connection are the same with an answer, with none, with no test", async () => {
  const answering = await serve((request) => [ntpAnswer(request)]);
  const silent = await serve(() => []);
  const [answered, unanswered, off, without] = await Promise.all([
    live(answering.address, answering),
    live(silent.address, silent),
    live(false),
    live({ host: "255.255.255.255", port: 123 }),
  ]);
  const { Disconnected, Connected } = ConnectionState;
  expect(off.states.filter(([state]) => state === Disconnected)).toHaveLength(3);
  expect(off.states.at(-1)![0]).toBe(Connected);
  for (const { states } of [answered, unanswered, without]) expect(states).toEqual(off.states);
  // After the first failure, not before it; three failures within 16 s, one request.
  expect([answered, unanswered].map(({ requests }) => requests)).toEqual([
    [0, 1],
    [0, 1],
  ]);
  expect(answered.results).toEqual([InternetResult.Reachable]);
  expect(answered.log).toContainEqual(expect.stringMatching(/^internet: Reachable: /));
  expect(unanswered.results).toEqual([InternetResult.NoAnswer]);
  // To the broadcast address the system sends nothing unless it is asked to.
  expect(without.results).toEqual([InternetResult.NoNetwork]);
  expect(off.results).toEqual([]);
});

describe("one test", () => {
  const { Opening, Handshake, Connected, Disconnected } = ConnectionState;

  afterEach(() => jest.useRealTimers());

  /** Timers that the test moves; sockets and names take the time they take. */
  function virtualTime(): void {
    jest.useFakeTimers({ doNotFake: ["setImmediate", "clearImmediate", "nextTick"] });
  }

  function make(options: InternetTestOptions): {
    test: InternetTest;
    results: InternetResult[];
    fail: () => void;
    result: () => Promise<InternetResult>;
  } {
    const results: InternetResult[] = [];
    let tell: (result: InternetResult) => void = () => {};
    const made = new InternetTest(options, (result) => {
      results.push(result);
      tell(result);
    });
    const fail = (): void => {
      made.note(Opening, Reason.None);
      made.note(Handshake, Reason.None);
      made.note(Disconnected, Reason.HandshakeFailed);
    };
    const result = (): Promise<InternetResult> => new Promise((resolve) => (tell = resolve));
    return { test: made, results, fail, result };
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test("R17: 48 bytes, client mode, version 4, no time, a new random timestamp each", async () => {
    virtualTime();
    const server = await serve((request) => [ntpAnswer(request)]);
    const { fail, result } = make(server.address);
    for (let i = 0; i < 2; i++) {
      const ended = result();
      fail();
      expect(await ended).toBe(InternetResult.Reachable);
      jest.advanceTimersByTime(16_000);
    }
    expect(server.requests).toHaveLength(2);
    for (const request of server.requests) {
      expect(request.subarray(0, 40)).toEqual(Buffer.concat([Buffer.of(0x23), Buffer.alloc(39)]));
      expect(request).toHaveLength(48);
    }
    const [first, second] = server.requests;
    expect(first.equals(second)).toBe(false);
  });

  test("what is no answer to this request does not count", async () => {
    const altered = (at: number) => (request: Buffer) => {
      const answer = ntpAnswer(request);
      answer[at] ^= 1;
      return answer;
    };
    const forged = (request: Buffer): Buffer[] => [
      altered(0)(request),
      altered(24)(request),
      altered(31)(request),
      ntpAnswer(request).subarray(0, 47),
      Buffer.alloc(0),
    ];
    virtualTime();
    const bad = await serve(forged);
    const { fail, results, result } = make(bad.address);
    const asked = bad.next();
    fail();
    await asked;
    for (let i = 0; i < 20; i++) await turn();
    expect(results).toEqual([]);
    const ended = result();
    jest.advanceTimersByTime(10_000);
    expect(await ended).toBe(InternetResult.NoAnswer);
    jest.useRealTimers();
    const good = await serve((request) => [...forged(request), ntpAnswer(request)]);
    const other = make(good.address);
    const answered = other.result();
    other.fail();
    expect(await answered).toBe(InternetResult.Reachable);
  });

  test("one request per failure, none within 16 s of another, none without a failure", async () => {
    virtualTime();
    const server = await serve(() => []);
    const { test: made, fail, results } = make(server.address);
    made.note(Opening, Reason.None);
    made.note(Connected, Reason.HandshakeDone);
    made.note(Disconnected, Reason.PingTimeout);
    made.note(Opening, Reason.None);
    made.note(Disconnected, Reason.Requested);
    // The next attempt begins at once.
    fail();
    made.note(Opening, Reason.None);
    for (let i = 0; i < 20; i++) await turn();
    expect(server.requests).toEqual([]);
    for (let i = 0; i < 2; i++) {
      const asked = server.next();
      fail();
      await asked;
      jest.advanceTimersByTime(8000);
      // Cut short: the next attempt needs its socket.
      fail();
      for (let j = 0; j < 20; j++) await turn();
      expect(results).toEqual(Array(i + 1).fill(InternetResult.NoAnswer));
      jest.advanceTimersByTime(8000);
    }
    expect(server.requests).toHaveLength(2);
  });

  test("a name that does not resolve, a network that is not there, a lookup that takes for ever", async () => {
    virtualTime();
    const { fail, result } = make({ host: "ntp.example" });
    const failures: [string, InternetResult][] = [
      ["ENOTFOUND", InternetResult.NoName],
      ["EAI_AGAIN", InternetResult.NoNetwork],
    ];
    for (const [code, expected] of failures) {
      mockedLookup.mockRejectedValueOnce(Object.assign(new Error(code), { code }));
      const ended = result();
      fail();
      expect(await ended).toBe(expected);
      jest.advanceTimersByTime(16_000);
    }
    mockedLookup.mockReturnValueOnce(new Promise(() => {}) as never);
    const ended = result();
    fail();
    for (let i = 0; i < 5; i++) await turn();
    jest.advanceTimersByTime(10_000);
    expect(await ended).toBe(InternetResult.NoName);
  });
});
