// The cloud restarts: sessions go on, no record number is used twice, no record is accepted twice.

import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalCloud } from "../../cloud/local-cloud";
import { FileStorage, MemoryStorage } from "../../cloud/state-storage";
import type { StateStorage } from "../../cloud/state-storage";
import { setupCloud } from "../support/cloud-fixture";

const DESCRIBE =
  "4102000618b1644102ff7b2266223a5b226c6564225d2c2276223a7b22636f756e746572223a322c226d6f6465223a347d7d";

function connected(storage: StateStorage): ReturnType<typeof setupCloud> {
  const fixture = setupCloud({ storage });
  const { cloud, device } = fixture;
  device.handshake(cloud);
  device.talk(cloud, device.hello());
  device.messageId = 100;
  device.talk(cloud, device.message(DESCRIBE));
  device.talk(cloud, device.message("40010016b165036366674163"));
  return fixture;
}

test("a session goes on after a restart, with describe and subscriptions", async () => {
  const { device, options } = connected(new MemoryStorage());
  const cloud = new LocalCloud(options);
  expect(cloud.device(device.id)).toMatchObject({
    connected: true,
    online: false,
    functions: ["led"],
    subscriptions: [{ filter: "cfg", kind: "cbor" }],
    lastHello: { platformId: 13 },
    session: { restored: true, resumed: true },
  });
  await expect(cloud.call(device.id, "led")).rejects.toMatchObject({ code: "device-offline" });
  device.address = "new port";
  device.recordType = 253;
  expect(device.talk(cloud, device.coap({ code: 0 }))).toHaveLength(1);
  expect(cloud.device(device.id)).toMatchObject({ online: true, session: { address: "new port" } });

  const value = cloud.read(device.id, "counter");
  for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
  const { token, messageId } = device.received.at(-1) ?? { token: Buffer.alloc(0), messageId: 0 };
  device.talk(
    cloud,
    device.coap({ type: 2, code: 0x45, token, messageId, payload: Buffer.from("00000029", "hex") }),
  );
  await expect(value).resolves.toBe(41);
});

test("records and messages that were accepted before are not accepted after", () => {
  const { cloud: first, device, options } = connected(new MemoryStorage());
  const record = device.coap({
    code: 2,
    options: [
      { number: 11, value: Buffer.from("E") },
      { number: 11, value: Buffer.from("x") },
    ],
  });
  const [answer] = device.exchange(first, record);
  device.handleDatagram(answer);
  const cloud = new LocalCloud(options);
  const events: unknown[] = [];
  cloud.on("event", (event) => events.push(event));
  expect(device.exchange(cloud, record)).toEqual([]);
  expect(cloud.counters["replayed-record"]).toBe(1);
  // The same message in a new record: the stored answer, and no second event.
  const repeated = device.coap({
    code: 2,
    messageId: device.messageId,
    options: [
      { number: 11, value: Buffer.from("E") },
      { number: 11, value: Buffer.from("x") },
    ],
  });
  expect(device.talk(cloud, repeated)).toMatchObject([
    { type: 2, code: 0, messageId: device.messageId },
  ]);
  expect(events).toEqual([]);
});

test("message IDs run on", () => {
  const { cloud: first, device, options } = connected(new MemoryStorage());
  device.talk(first, device.coap({ code: 1, options: [{ number: 11, value: Buffer.from("e") }] }));
  const seen = new Set<number>();
  let cloud = first;
  for (let run = 0; run < 20; run++) {
    for (let i = 0; i < 5; i++) {
      expect(cloud.publish("n")).toBe(1);
      for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
      const messageId = device.received.at(-1)?.messageId ?? -1;
      expect(seen).not.toContain(messageId);
      seen.add(messageId);
      device.talk(cloud, device.coap({ type: 2, code: 0, messageId }));
    }
    cloud = new LocalCloud(options);
    device.talk(cloud, device.coap({ code: 0 }));
  }
});

test("no record number is used twice, wherever writing stops", () => {
  // The scripted device throws when it sees a number of the cloud twice.
  for (let limit = 0; limit < 40; limit++) {
    const storage = new MemoryStorage();
    let writes = Infinity;
    const failing: StateStorage = {
      load: () => storage.load(),
      remove: (id) => storage.remove(id),
      save: (id, document, durable) => {
        if (--writes < 0) throw new Error("no space");
        storage.save(id, document, durable);
      },
    };
    const { cloud: first, device, options } = connected(failing);
    let cloud = first;
    for (let crash = 0; crash < 3; crash++) {
      writes = limit;
      const pings = Array.from({ length: 100 }, () => device.talk(cloud, device.coap({ code: 0 })));
      const unanswered = pings.filter((answers) => answers.length === 0).length;
      // 64 numbers are reserved; without storage the cloud falls silent rather than use others.
      if (limit === 0) expect(unanswered).toBeGreaterThanOrEqual(100 - 64);
      writes = Infinity;
      cloud = new LocalCloud(options);
    }
    expect(device.talk(cloud, device.coap({ code: 0 }))).toHaveLength(1);
  }
});

test("state of another key, and damaged state, is discarded", async () => {
  const { device, options, again } = connected(new MemoryStorage());
  const { storage, registry } = options;
  const document = storage.documents.get(device.id) ?? "";
  storage.documents.set(device.id, document.slice(0, document.length / 2));
  const cloud = new LocalCloud(options);
  const lines: string[] = [];
  cloud.on("log", ({ message }) => lines.push(message));
  await Promise.resolve();
  expect(lines).toEqual([expect.stringContaining(device.id)]);
  expect(cloud.device(device.id).connected).toBe(false);
  const second = again();
  second.handshake(cloud);
  expect(second.finished).toBe(true);

  storage.documents.set(device.id, document);
  const other = setupCloud().device;
  registry.register({ id: device.id, publicKey: other.keyPair.spki });
  expect(new LocalCloud(options).device(device.id).connected).toBe(false);
});

describe("files", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "cloud-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("one private file a device, replaced as a whole", () => {
    const { device, options } = connected(new FileStorage(directory));
    expect(readdirSync(directory)).toEqual([`${device.id}.json`]);
    const path = join(directory, `${device.id}.json`);
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ version: 1 });
    // A crash while the temporary file was written.
    writeFileSync(`${path}.tmp`, "{");
    const cloud = new LocalCloud({ ...options, storage: new FileStorage(directory) });
    expect(device.talk(cloud, device.coap({ code: 0 }))).toHaveLength(1);
  });
});
