// What the HTTP side bears: sizes, counts, rates, slow clients, hostile bytes; and where it listens.

import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { RestServer } from "../../cloud/rest/server";
import { DeviceRecords } from "../../cloud/rest/device-records";
import { isLoopback } from "../../cloud/rest/options";
import type { RestLimits } from "../../cloud/rest/options";
import { MemoryStore } from "../../cloud/store/memory-store";
import { setupCloud } from "../support/cloud-fixture";
import { PASSWORD, RestFixture, USERNAME } from "../support/rest-fixture";

const KEEP_ALIVE_MS = 50;
const fixture = new RestFixture({
  keepAliveMs: KEEP_ALIVE_MS,
  limits: {
    ...{ bodyLength: 4096, uploadLength: 10_000, devicesPerUser: 3 },
    ...{ streamsPerUser: 3, streams: 4, streamBacklog: 64 * 1024 },
    ...{ headersTimeoutMs: 300, requestTimeoutMs: 600 },
  },
});
const sockets: Socket[] = [];
beforeAll(() => fixture.start());
afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));
afterAll(() => fixture.stop());

/** A bare connection, with what it has received. */
async function connect(text: string): Promise<{ socket: Socket; received: () => string }> {
  const socket = createConnection(fixture.server.address.port, "127.0.0.1");
  sockets.push(socket);
  let received = "";
  socket.on("data", (data) => (received += data.toString()));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text);
  return { socket, received: () => received };
}

const streamRequest = (token: string): string =>
  `GET /v1/devices/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("sizes", () => {
  test("a body, also of someone without a token", async () => {
    const json = { name: "x", data: "y".repeat(5000) };
    const token = fixture.token();
    const answer = await fixture.request("POST", "/v1/devices/events", { token, json });
    expect(answer).toMatchObject({ status: 413, body: { ok: false } });
    const body = new URLSearchParams({ username: "x".repeat(5000) });
    expect(await fixture.request("POST", "/oauth/token", { body })).toMatchObject({ status: 413 });
  });

  test("an upload, its fields, and their number", async () => {
    const id = fixture.provision("sized", USERNAME);
    const token = fixture.token();
    const send = async (fill: (form: FormData) => void): Promise<number> => {
      const form = new FormData();
      fill(form);
      return (await fixture.request("PUT", `/v1/devices/${id}`, { token, body: form })).status;
    };
    const file = (length: number): Blob => new Blob([new Uint8Array(length)]);
    expect(await send((form) => form.append("file", file(10_001), "a.bin"))).toBe(413);
    const two = (form: FormData): void => {
      form.append("file", file(6000), "a.bin");
      form.append("file2", file(6000), "b.bin");
    };
    expect(await send(two)).toBe(413);
    const many = (form: FormData): void => {
      for (let i = 0; i < 100; i++) form.append(`file${i}`, file(1), "a.bin");
    };
    expect(await send(many)).toBe(413);
    expect(await send((form) => form.append("latest", "true"))).toBe(400);
    // Small enough, but the device is not there.
    expect(await send((form) => form.append("file", file(9000), "a.bin"))).toBe(400);
  });

  test("the number of a user's devices", async () => {
    const token = fixture.token("many@example.com");
    await fixture.addUser("many@example.com");
    const add = (): ReturnType<RestFixture["request"]> =>
      fixture.request("POST", "/v1/devices", { token, json: { product_id: 1 } });
    for (let i = 0; i < 3; i++) expect((await add()).status).toBe(200);
    const full = { status: 400, body: { reason: "too-many-devices" } };
    expect(await add()).toMatchObject(full);
    const id = fixture.provision("claimable");
    const claim = { token, json: { id } };
    expect(await fixture.request("POST", "/v1/devices", claim)).toMatchObject(full);
  });

  test("a path", async () => {
    const token = fixture.token();
    const long = await fixture.request("GET", `/v1/devices/${"x".repeat(5000)}`, { token });
    expect(long.status).toBeGreaterThanOrEqual(400);
    const deep = await fixture.request("GET", `/v1/${"x/".repeat(2000)}`, { token });
    expect(deep.status).toBe(404);
  });
});

describe("hostile requests", () => {
  test("are answered by JSON errors, and none of them is an internal one", async () => {
    const token = fixture.token();
    const id = fixture.provision("hostile", USERNAME);
    const urls = [
      "/v1/devices",
      `/v1/devices/${id}`,
      "/v1/webhooks",
      "/v1/devices/events",
      "/oauth/token",
    ];
    const bodies = [
      "",
      "{",
      "null",
      "[]",
      '"text"',
      "1e999",
      '{"__proto__":{"name":"x"}}',
      '{"constructor":{"prototype":{"x":1}}}',
      '{"name":{"a":1},"id":[1],"notes":[],"signal":{},"event":{},"url":[]}',
      '{"name":"\\u0000\\ud800"}',
      "\xff\xfe",
      "[".repeat(2000),
    ];
    const types = [
      "application/json",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "multipart/form-data; boundary=x",
      "text/plain",
      "application/xml",
    ];
    for (const url of urls) {
      for (const type of types) {
        for (const body of bodies) {
          const method = url.endsWith(id) ? "PUT" : "POST";
          const headers = { "content-type": type };
          const answer = await fixture.request(method, url, { token, headers, body });
          expect([url, type, body, answer.status >= 400 && answer.status < 500]).toEqual([
            ...[url, type, body, true],
          ]);
          expect(answer.body.error).toBeTruthy();
        }
      }
    }
  });

  test("paths with dots, escapes and names of prototypes find nothing", async () => {
    const token = fixture.token();
    for (const name of [
      "..%2f..%2fetc",
      "__proto__",
      "constructor",
      "%00",
      "toString",
      "%e0%a4%a",
    ]) {
      for (const url of [`/v1/devices/${name}`, `/v1/webhooks/${name}`, `/v1/products/${name}`]) {
        const { status } = await fixture.request("GET", url, { token });
        expect([url, status === 404 || status === 400]).toEqual([url, true]);
      }
    }
  });

  test("every route but the login wants a token", async () => {
    const routes: [string, string][] = [
      ["GET", "/v1/user"],
      ["GET", "/v1/clients"],
      ["POST", "/v1/clients"],
      ["GET", "/v1/devices"],
      ["POST", "/v1/devices"],
      ["GET", "/v1/devices/x"],
      ["PUT", "/v1/devices/x"],
      ["DELETE", "/v1/devices/x"],
      ["GET", "/v1/devices/x/y"],
      ["POST", "/v1/devices/x/y"],
      ["PUT", "/v1/devices/x/ping"],
      ["GET", "/v1/devices/x/events"],
      ["GET", "/v1/devices/events"],
      ["GET", "/v1/events/x"],
      ["POST", "/v1/devices/events"],
      ["POST", "/v1/device_claims"],
      ["POST", "/v1/provisioning/x"],
      ["GET", "/v1/webhooks"],
      ["POST", "/v1/integrations"],
      ["DELETE", "/v1/webhooks/x"],
      ["GET", "/v1/products"],
      ["GET", "/v1/products/1/devices"],
      ["POST", "/v1/binaries"],
      ["GET", "/v1/access_tokens/current"],
      ["DELETE", "/v1/access_tokens"],
    ];
    for (const [method, url] of routes) {
      const none = await fixture.request(method, url);
      expect([method, url, none.status]).toEqual([method, url, 400]);
      const wrong = await fixture.request(method, url, { token: "0".repeat(40) });
      expect([method, url, wrong.status]).toEqual([method, url, 401]);
    }
    const nowhere = await fixture.request("GET", "/v1/nowhere");
    expect(nowhere).toMatchObject({ status: 404, body: { ok: false } });
  });
});

describe("streams", () => {
  test("begin with :ok and show signs of life", async () => {
    const { received, socket } = await connect(streamRequest(fixture.token()));
    await until(() => /\r\n\r\n/.test(received()) && received().includes("1\r\n\n\r\n"));
    expect(received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received()).toMatch(/content-type: text\/event-stream/);
    expect(received()).toMatch(/\r\n\r\n5\r\n:ok\n\n\r\n/);
    socket.destroy();
    await until(() => fixture.server.api.streams.count === 0);
  });

  test("are limited for a user and in all, and make room when they end", async () => {
    await fixture.addUser("other@example.com");
    const mine = fixture.token();
    const theirs = fixture.token("other@example.com");
    for (let i = 0; i < 3; i++) await connect(streamRequest(mine));
    await until(() => fixture.server.api.streams.count === 3);
    const refused = await fixture.request("GET", "/v1/devices/events", { token: mine });
    expect(refused).toMatchObject({ status: 429, body: { reason: "too-many-streams" } });
    await connect(streamRequest(theirs));
    await until(() => fixture.server.api.streams.count === 4);
    const full = await fixture.request("GET", "/v1/devices/events", { token: theirs });
    expect(full.status).toBe(429);
    sockets.splice(0).forEach((socket) => socket.destroy());
    await until(() => fixture.server.api.streams.count === 0);
    const { received } = await connect(streamRequest(mine));
    await until(() => received().includes(":ok"));
  });

  test("of a client that does not read are cut, and the others go on", async () => {
    const token = fixture.token();
    const slow = await connect(streamRequest(token));
    const quick = await connect(streamRequest(token));
    await until(() => fixture.server.api.streams.count === 2);
    slow.socket.pause();
    const event = {
      ...{ name: "big", data: "x".repeat(1000), ttl: 60, coreId: "api" },
      ...{ owner: USERNAME, publishedAt: "2026-01-01T00:00:00.000Z" },
    };
    // Kernel buffers take some megabytes before anything waits in this process.
    for (let i = 0; i < 40_000 && fixture.server.api.streams.count === 2; i++) {
      fixture.server.api.bus.publish(event);
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(fixture.server.api.streams.count).toBe(1);
    const before = quick.received().length;
    fixture.server.api.bus.publish(event);
    await until(() => quick.received().length > before);
  });

  test("a name of an event cannot begin a line of its own", async () => {
    const { received } = await connect(streamRequest(fixture.token()));
    await until(() => received().includes(":ok"));
    fixture.server.api.bus.publish({
      ...{ name: "a\nevent: b\r\u2028c", data: "1\n2", ttl: 60, coreId: "api", owner: USERNAME },
      publishedAt: "2026-01-01T00:00:00.000Z",
    });
    await until(() => received().includes("data:"));
    expect(received()).toContain("event: a\ufffdevent: b\ufffd\ufffdc\ndata: {");
    expect(received()).toContain('"data":"1\\n2"');
  });
});

describe("slow and greedy clients", () => {
  test("one that does not finish its headers is cut off", async () => {
    const { socket } = await connect("GET /v1/devices HTTP/1.1\r\nHost: x\r\n");
    await once(socket, "close");
  });

  test("one that does not finish its body is cut off", async () => {
    const { socket } = await connect(
      "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    await once(socket, "close");
  });

  const bareServer = (limits: Partial<RestLimits>): Promise<RestServer> => {
    const store = new MemoryStore();
    const { cloud } = setupCloud();
    const parts = { cloud, store, records: new DeviceRecords(store) };
    return RestServer.listen(parts, { port: 0, limits });
  };

  test("logins are rare", async () => {
    const server = await bareServer({ loginsPerMinute: 5 });
    const fields = { grant_type: "password", client_id: "c", username: "x", password: "wrong" };
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const init = { method: "POST", body: new URLSearchParams(fields) };
      statuses.push((await fetch(`${server.url}/oauth/token`, init)).status);
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429]);
    await server.close();
  });

  test("requests have a rate, also those without a token, and to nowhere", async () => {
    for (const path of ["/v1/user", "/v1/nowhere"]) {
      const server = await bareServer({ requestsPerMinute: 3 });
      const statuses: number[] = [];
      for (let i = 0; i < 5; i++) statuses.push((await fetch(server.url + path)).status);
      const usual = path === "/v1/user" ? 400 : 404;
      expect(statuses).toEqual([usual, usual, usual, 429, 429]);
      await server.close();
    }
  });
});

describe("where it listens", () => {
  test("on loopback only, unless it is told otherwise in so many words", async () => {
    expect(fixture.server.address.host).toBe("127.0.0.1");
    const { cloud } = setupCloud();
    const store = new MemoryStore();
    const parts = { cloud, store, records: new DeviceRecords(store) };
    for (const host of ["0.0.0.0", "::", "", "192.0.2.1", "example.com", "127.0.0.1.example.com"]) {
      await expect(RestServer.listen(parts, { port: 0, host })).rejects.toThrow("allowRemote");
    }
    expect(["127.0.0.1", "127.1.2.3", "::1", "localhost"].every(isLoopback)).toBe(true);
    const addresses = Object.values(networkInterfaces()).flat();
    const outside = addresses.find((address) => address?.family === "IPv4" && !address.internal);
    if (!outside) return;
    const socket = createConnection(fixture.server.address.port, outside.address);
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });

  test("not on a port that is taken; the cloud has no listener left then", async () => {
    const { cloud } = setupCloud();
    const store = new MemoryStore();
    const { port } = fixture.server.address;
    const parts = { cloud, store, records: new DeviceRecords(store) };
    await expect(RestServer.listen(parts, { port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect([cloud.listenerCount("event"), cloud.listenerCount("device")]).toEqual([0, 0]);
  });

  test("a password that will not do", async () => {
    const { users } = fixture.server.api;
    await expect(users.set("x@example.com", "short")).rejects.toThrow("8 to 256");
    await expect(users.set("two words", PASSWORD)).rejects.toThrow("no user name");
  });
});
