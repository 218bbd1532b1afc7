// The traffic view's API: datagrams and messages of a device with the real core, whose they are, what bytes went into.

import path from "node:path";
import type { Device } from "../../bindings/node";
import { readEvents } from "../support/event-reader";
import { FlashDevice } from "../support/flash-device";
import { fileOf } from "../support/flash-world";
import { RestFixture, USERNAME } from "../support/rest-fixture";

interface Message {
  type: string;
  code: string;
  path?: string;
  query?: string;
  payload: number;
}
interface Datagram {
  sequence: number;
  at: string;
  device?: string;
  direction: "in" | "out";
  transport: string;
  bytes: number;
  cause: string;
  records: string[];
  messages: Message[];
}
interface Sum {
  cause: string;
  up: { bytes: number; datagrams: number };
  down: { bytes: number; datagrams: number };
}
interface Batch {
  datagrams: Datagram[];
  skipped: number;
  causes: Sum[];
}

const KEPT = 60;
const fixture = new RestFixture({ limits: { datagramsKept: KEPT } });
/** Bytes as the device counts them. */
const counted = { up: 0, down: 0 };
let device: Device;
let id: string;

beforeAll(async () => {
  await fixture.start();
  id = fixture.provision("kitchen", USERNAME);
  device = fixture.device("kitchen", id);
  device.function("double", (argument) => 2 * Number(argument));
  device.on("datagram", ({ direction, bytes }) => (counted[direction] += bytes.length));
  const described = fixture.described(id);
  await device.connect();
  await described;
});
afterAll(() => fixture.stop());

async function traffic(query = "", token = fixture.token()): Promise<Batch> {
  const { status, body } = await fixture.request("GET", `/v1/local/traffic${query}`, { token });
  expect(status).toBe(200);
  return body as unknown as Batch;
}

const describeMessages = ({ messages }: Datagram): string[] =>
  messages.map(({ type, code, path }) => `${type} ${code} ${path ?? ""}`.trim());

test("a connection: its handshake, then what the core says, byte by byte", async () => {
  await device.publish("kettle/boils", "0123456789");
  await fixture.cloud.call(id, "double", "21");
  await fixture.cloud.ping(id);
  const { datagrams, causes, skipped } = await traffic("?limit=1000&device=kitchen");
  expect(skipped).toBe(0);
  expect(datagrams[0]).toMatchObject({
    ...{ sequence: 0, device: id, direction: "in", transport: "udp" },
    ...{ cause: "handshake", records: ["handshake"], messages: [] },
  });
  expect(Math.abs(Date.parse(datagrams[0].at) - Date.now())).toBeLessThan(60_000);
  const publish = datagrams.find(({ cause }) => cause === "publish")!;
  expect(publish).toMatchObject({ direction: "in", records: ["sealed"] });
  const [message] = publish.messages;
  expect(message).toMatchObject({ type: "CON", code: "0.02", path: "E/kettle/boils", payload: 10 });
  const call = datagrams.filter(({ cause }) => cause === "call");
  expect(call[0].messages).toMatchObject([{ code: "0.02", path: "f/double", query: "21" }]);
  expect(call.map(({ direction }) => direction)).toEqual(expect.arrayContaining(["in", "out"]));
  // Acknowledgements count as what they acknowledge.
  const ofPublish = datagrams.filter(({ cause }) => cause === "publish");
  expect(ofPublish.flatMap(describeMessages)).toEqual(["CON 0.02 E/kettle/boils", "ACK 0.00"]);
  const ping = datagrams.filter(({ cause }) => cause === "keepalive").flatMap(describeMessages);
  expect(ping[0]).toBe("CON 0.00");
  expect(ping).toHaveLength(2);
  expect(datagrams.filter(({ cause }) => ["other", "dropped"].includes(cause))).toEqual([]);
  const sum = (way: "up" | "down"): number =>
    causes.reduce((total, cause) => total + cause[way].bytes, 0);
  expect({ up: sum("up"), down: sum("down") }).toEqual(counted);
  const names = causes.map(({ cause }) => cause);
  expect(names.slice(0, 2)).toEqual(expect.arrayContaining(["handshake"]));
  expect(names).toEqual(expect.arrayContaining(["hello", "describe", "publish", "call"]));
});

test("a stream brings what is new in batches, and what was before first", async () => {
  const token = fixture.token();
  const events = readEvents(`${fixture.server.url}/v1/local/traffic/stream`, token);
  const seen: Datagram[] = [];
  const until = async (cause: string, path: string): Promise<void> => {
    const isThere = (): boolean =>
      seen.some((entry) => entry.cause === cause && entry.messages.some((m) => m.path === path));
    while (!isThere()) {
      const { value } = await events.next();
      expect(value!.name).toBe("traffic");
      seen.push(...(value as unknown as Batch).datagrams);
    }
  };
  await until("publish", "E/kettle/boils");
  await device.publish("later");
  await until("publish", "E/later");
  const sequences = seen.map(({ sequence }) => sequence);
  expect(new Set(sequences).size).toBe(sequences.length);
  await events.return(undefined);
  while (fixture.server.api.streams.count > 0)
    await new Promise((resolve) => setImmediate(resolve));
});

test("an update counts as one, from the start to the last acknowledgement", async () => {
  const updated = fixture.provision("updated", USERNAME);
  const receiver = new FlashDevice(fixture.devicePort, path.join(fixture.folder, "updated"));
  const online = new Promise<void>((resolve) => {
    fixture.cloud.on("device", (e) => e.deviceId === updated && e.change === "online" && resolve());
  });
  await receiver.connect();
  await online;
  await fixture.cloud.flash(updated, fileOf(5000));
  receiver.close();
  const { datagrams, causes } = await traffic("?device=updated&limit=1000");
  const messages = datagrams.filter(({ cause }) => cause === "update").flatMap(describeMessages);
  expect(messages).toEqual(expect.arrayContaining(["CON 0.02 S", "NON 0.02 C", "CON 0.02 F"]));
  expect(causes.map(({ cause }) => cause).sort()).toEqual(["handshake", "hello", "update"]);
  expect(causes.find(({ cause }) => cause === "update")!.down.bytes).toBeGreaterThan(5000);
});

test("what does not authenticate is dropped, and counted as the device's whose address it has", async () => {
  const { address } = fixture.cloud.device(id).session!;
  const forged = Buffer.concat([Buffer.from("fdfefd0001000000000063", "hex"), Buffer.alloc(60, 7)]);
  forged.writeUInt16BE(40, 19);
  fixture.cloud.handleDatagram(address, forged.subarray(0, 61), 0);
  const { datagrams } = await traffic("?device=kitchen&limit=1");
  expect(datagrams).toMatchObject([
    { cause: "dropped", device: id, bytes: 61, records: ["sealed, moved"], messages: [] },
  ]);
});

test("others see nothing of it; what belongs to no device is shown to an only user", async () => {
  fixture.cloud.handleDatagram("stranger", Buffer.from("nonsense"), 0);
  const last = (await traffic()).datagrams.at(-1)!;
  expect(last).toMatchObject({ address: "stranger", bytes: 8, cause: "dropped", records: [] });
  expect(last.device).toBeUndefined();
  await fixture.addUser("other@example.com");
  const other = await traffic("", fixture.token("other@example.com"));
  expect(other).toEqual({ datagrams: [], skipped: 0, causes: [] });
  expect((await traffic()).datagrams.every(({ device: of }) => of !== undefined)).toBe(true);
  const token = fixture.token("other@example.com");
  const path = "/v1/local/traffic/stream?device=kitchen";
  expect((await fixture.request("GET", path, { token })).status).toBe(404);
  expect((await fixture.request("GET", "/v1/local/traffic?limit=0", { token })).status).toBe(400);
  expect((await fixture.request("GET", "/v1/local/traffic")).status).toBe(400);
});

test("who has given a device away sees nothing more of it, in a stream that is open neither", async () => {
  const url = `${fixture.server.url}/v1/local/traffic/stream?device=kitchen`;
  const stream = readEvents(url, fixture.token());
  const batch = async (): Promise<Batch> => (await stream.next()).value as unknown as Batch;
  expect((await batch()).datagrams.length).toBeGreaterThan(0);
  const other = fixture.provision("hall", USERNAME);
  fixture.server.api.records.update(id, { owner: "other@example.com" });
  await device.publish("unseen");
  expect((await traffic()).datagrams.filter(({ device: of }) => of === id)).toEqual([]);
  const late = await fixture.request("GET", "/v1/local/traffic?device=kitchen", {
    token: fixture.token(),
  });
  expect(late.status).toBe(404);
  // A batch goes by without it: another stream, of another device, has begun later and had its first.
  const witness = readEvents(url.replace("kitchen", other), fixture.token());
  await witness.next();
  await witness.return(undefined);
  fixture.server.api.records.update(id, { owner: USERNAME });
  await device.publish("seen");
  const paths = (await batch()).datagrams.flatMap(({ messages }) => messages.map((m) => m.path));
  expect(paths).toContain("E/seen");
  expect(paths).not.toContain("E/unseen");
  await stream.return(undefined);
});

test("so many datagrams are kept, the sums go on", async () => {
  const before = (await traffic("?limit=1000")).causes;
  for (let i = 0; i < KEPT; i++) await device.publish("more", String(i));
  const { datagrams, causes } = await traffic("?limit=1000");
  expect(datagrams).toHaveLength(KEPT);
  const publishes = (sums: Sum[]): number => sums.find((s) => s.cause === "publish")!.up.datagrams;
  expect(publishes(causes) - publishes(before)).toBe(KEPT);
  expect(await traffic("?limit=5")).toMatchObject({ skipped: KEPT - 5 });
});
