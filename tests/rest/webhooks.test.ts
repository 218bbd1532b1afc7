// Webhooks: an event of a device with the real core becomes a request, and the answer an event for the device.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type Particle from "particle-api-js";
import type { Device } from "../../bindings/node";
import { splitText } from "../../cloud/rest/webhooks/webhooks";
import { RestFixture, USERNAME } from "../support/rest-fixture";

interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

const fixture = new RestFixture({
  webhookTimeoutMs: 500,
  webhookRetries: { pauseMs: 20, pendingPerHook: 3 },
  mayCall: (url) => url.hostname === "127.0.0.1",
});
let particle: Particle;
let device: Device;
let id: string;
let service: Server;
let base: string;
const received: Received[] = [];
type Answer = { status: number; body: string } | "nothing" | "reset";
/** What the service answers, when it has no other orders. */
let answer: Answer = { status: 200, body: "" };
/** What it answers first, one each. */
const first: Answer[] = [];

beforeAll(async () => {
  service = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      const now = first.shift() ?? answer;
      if (now === "nothing") return;
      if (now === "reset") request.socket.destroy();
      else response.writeHead(now.status, { location: "http://127.0.0.1:1/" }).end(now.body);
    });
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  base = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  await fixture.start();
  particle = fixture.client();
  id = fixture.provision("kitchen", USERNAME);
  device = fixture.device("kitchen", id);
  await device.connect();
});
afterAll(async () => {
  await fixture.stop();
  service.closeAllConnections();
  service.close();
});
beforeEach(() => {
  received.length = 0;
  answer = { status: 200, body: "" };
});

/** Events that the bus carries from now on, by the beginning of their names. */
function collect(prefix: string): {
  events: [string, string | null][];
  until: (n: number) => Promise<void>;
} {
  const events: [string, string | null][] = [];
  let changed = (): void => undefined;
  fixture.server.api.bus.subscribe({ owner: USERNAME, prefix }, ({ name, data }) => {
    events.push([name, data]);
    changed();
  });
  const until = async (count: number): Promise<void> => {
    while (events.length < count) await new Promise<void>((resolve) => (changed = resolve));
  };
  return { events, until };
}

async function createHook(
  options: Omit<Parameters<Particle["createWebhook"]>[0], "url"> & { url?: string },
): Promise<string> {
  const { body, statusCode } = await particle.createWebhook({ url: `${base}/hook`, ...options });
  expect(statusCode).toBe(201);
  return body.id;
}

test("defaults: a form with event, data, time and device; the answer goes back to the device", async () => {
  const hookId = await createHook({ event: "weather/get" });
  answer = { status: 200, body: "sunny" };
  const heard = new Promise<string>((resolve) => {
    device.subscribe("hook-response/weather/get", (name, data) => {
      resolve(`${name} ${Buffer.from(data).toString()}`);
    });
  });
  await once(fixture.cloud, "device");
  const sent = collect("hook-sent/");
  await device.publish("weather/get", "Zürich & co");
  expect(await heard).toBe("hook-response/weather/get/0 sunny");
  await sent.until(1);
  expect(sent.events).toEqual([["hook-sent/weather/get", ""]]);
  const [{ method, url, headers, body }] = received;
  expect({ method, url }).toEqual({ method: "POST", url: "/hook" });
  expect(headers["content-type"]).toBe("application/x-www-form-urlencoded");
  const form = Object.fromEntries(new URLSearchParams(body));
  expect(form).toMatchObject({ event: "weather/get", data: "Zürich & co", coreid: id });
  expect(Date.parse(form.published_at)).toBeGreaterThan(0);
  await particle.deleteWebhook({ hookId });
});

test("templates in URL, query, headers, JSON, topics and answer", async () => {
  const hookId = await createHook({
    event: "reading",
    url: `${base}/{{PARTICLE_DEVICE_ID}}/{{room}}`,
    hook: {
      method: "PUT",
      headers: { "X-Event": "{{PARTICLE_EVENT_NAME}}" },
      query: { at: "{{PARTICLE_PUBLISHED_AT}}" },
      json: {
        value: "{{{temp.now}}}",
        raw: "{{{PARTICLE_EVENT_VALUE}}}",
        list: ["{{temp.now}}", 1],
      },
      auth: { username: "u", password: "p" },
      responseTemplate: "{{#days}}{{high}};{{/days}}{{PARTICLE_DEVICE_ID}}",
      responseEvent: "{{PARTICLE_DEVICE_ID}}/got/{{PARTICLE_EVENT_NAME}}",
    },
  });
  answer = { status: 201, body: '{"days":[{"high":1},{"high":2}]}' };
  const got = collect(`${id}/got/`);
  const data = '{"room":"attic","temp":{"now":"<1>"}}';
  await device.publish("reading/x", data);
  await got.until(1);
  expect(got.events).toEqual([[`${id}/got/reading/x/0`, `1;2;${id}`]]);
  const [{ method, url, headers, body }] = received;
  expect(method).toBe("PUT");
  expect(url).toMatch(new RegExp(`^/${id}/attic\\?at=20`));
  expect(headers).toMatchObject({ "x-event": "reading/x", authorization: "Basic dTpw" });
  expect(JSON.parse(body)).toMatchObject({
    ...{ event: "reading/x", coreid: id, data },
    ...{ value: "<1>", raw: data, list: ["&lt;1&gt;", 1] },
  });
  await particle.deleteWebhook({ hookId });
});

test("GET has the defaults in its query, noDefaults leaves them out, a body is sent as it is", async () => {
  const get = await createHook({ event: "one", hook: { method: "GET", query: { a: "1" } } });
  const bare = await createHook({
    event: "two",
    noDefaults: true,
    hook: { method: "POST", form: { b: "{{x}}" } },
  });
  const raw = await createHook({
    event: "three",
    hook: { method: "POST", body: "v={{{PARTICLE_EVENT_VALUE}}}" },
  });
  const sent = collect("hook-sent/");
  await device.publish("one", "d");
  await device.publish("two", '{"x":5}');
  await device.publish("three", "<&>");
  await sent.until(3);
  const bodies = Object.fromEntries(
    received.map(({ method, url, body }) => [body, `${method} ${url}`]),
  );
  expect(bodies[""]).toMatch(/^GET \/hook\?event=one&data=d&published_at=.*&coreid=.*&a=1$/);
  expect(bodies["b=5"]).toBe("POST /hook");
  expect(bodies["v=<&>"]).toBe("POST /hook");
  for (const hookId of [get, bare, raw]) await particle.deleteWebhook({ hookId });
});

test("a long answer comes in parts of 512 bytes that never cut a character", async () => {
  const hookId = await createHook({ event: "long" });
  answer = { status: 200, body: `a${"ü".repeat(600)}` };
  const got = collect("hook-response/long");
  await device.publish("long");
  await got.until(3);
  expect(got.events.map(([name]) => name)).toEqual([0, 1, 2].map((n) => `hook-response/long/${n}`));
  const parts = got.events.map(([, data]) => data ?? "");
  expect(parts.map((part) => Buffer.byteLength(part))).toEqual([511, 512, 178]);
  expect(parts.join("")).toBe(answer.body);
  await particle.deleteWebhook({ hookId });
  expect(splitText("")).toEqual([]);
});

test("what goes wrong is told: status, redirect, silence, too much, a mistake, a forbidden address", async () => {
  const errors = collect("hook-error/");
  const expectError = async (
    hook: Partial<Parameters<Particle["createWebhook"]>[0]>,
    text: RegExp,
    tries = 1,
  ): Promise<void> => {
    const hookId = await createHook({ event: "bad", ...hook });
    const before = errors.events.length;
    await device.publish("bad");
    await errors.until(before + tries);
    for (const event of errors.events.slice(before)) {
      expect(event).toEqual(["hook-error/bad/0", expect.stringMatching(text)]);
    }
    await particle.deleteWebhook({ hookId });
  };
  answer = { status: 404, body: "no" };
  await expectError({}, /error status 404 from 127\.0\.0\.1/);
  answer = { status: 302, body: "" };
  await expectError({}, /error status 302/);
  expect(received).toHaveLength(2);
  answer = "nothing";
  await expectError({}, /timeout|aborted/i, 3);
  answer = { status: 200, body: "x".repeat(200_000) };
  await expectError({}, /exceeded|size/i);
  await expectError({ url: `${base}/{{#open}}` }, /Unclosed section/);
  await expectError({ url: "http://localhost:1/" }, /may not call localhost/);
  await expectError({ url: "http://{{PARTICLE_EVENT_VALUE}}/" }, /Invalid URL/);
  await expectError({ hook: { method: "POST", headers: { x: "a\nb" } } }, /invalid|header/i);
});

test("the network, 429 and 5xx: tried again, with pauses that double", async () => {
  const hookId = await createHook({ event: "again" });
  const errors = collect("hook-error/again");
  const sent = collect("hook-sent/again");
  first.push({ status: 503, body: "" }, "reset");
  await device.publish("again", "1");
  await sent.until(1);
  first.push({ status: 429, body: "" });
  await device.publish("again", "2");
  await sent.until(2);
  answer = { status: 500, body: "" };
  await device.publish("again", "3");
  await errors.until(6);
  expect(errors.events.map(([, text]) => text)).toEqual([
    expect.stringMatching(/^error status 503 from 127\.0\.0\.1:\d+; next try in 0\.02 s$/),
    expect.stringMatching(/; next try in 0\.04 s$/),
    expect.stringMatching(/^error status 429 .*; next try in 0\.02 s$/),
    expect.stringMatching(/^error status 500 .*; next try in 0\.02 s$/),
    expect.stringMatching(/^error status 500 .*; next try in 0\.04 s$/),
    expect.stringMatching(/^error status 500 from 127\.0\.0\.1:\d+$/),
  ]);
  const data = received.map(({ body }) => new URLSearchParams(body).get("data"));
  expect(data.join("")).toBe("11122333");
  expect(sent.events).toHaveLength(2);
  await particle.deleteWebhook({ hookId });
});

test("a webhook has so many events under way and no more; what waits goes with it", async () => {
  const hookId = await createHook({ event: "full" });
  const errors = collect("hook-error/full");
  answer = "nothing";
  for (const data of ["1", "2", "3", "4"]) await device.publish("full", data);
  await errors.until(1);
  expect(errors.events[0][1]).toBe("too many events of this webhook wait");
  // The three have waited in vain for an answer, and for their next try.
  await errors.until(4);
  await particle.deleteWebhook({ hookId });
  const last = await createHook({ event: "last" });
  answer = { status: 200, body: "" };
  const sent = collect("hook-sent/");
  await device.publish("full", "5");
  await device.publish("last");
  await sent.until(1);
  expect(sent.events).toEqual([["hook-sent/last", ""]]);
  await particle.deleteWebhook({ hookId: last });
});

test("its own events trigger nothing, and those of other devices neither if it is for one", async () => {
  const other = fixture.provision("garage", USERNAME);
  const all = await createHook({ event: "h" });
  const one = await createHook({ event: "hello", device: "garage", url: `${base}/garage` });
  answer = { status: 400, body: "" };
  const errors = collect("hook-error/");
  await device.publish("hello");
  await errors.until(1);
  // The error of this one comes after any that the first one could have caused.
  await device.publish("hello/2");
  await errors.until(2);
  expect(received.map(({ url }) => url)).toEqual(["/hook", "/hook"]);
  const garage = fixture.device("garage", other);
  await garage.connect();
  await garage.publish("hello");
  await errors.until(4);
  expect(received.map(({ url }) => url).sort()).toEqual(["/garage", "/hook", "/hook", "/hook"]);
  for (const hookId of [all, one]) await particle.deleteWebhook({ hookId });
});

test("listed, edited and removed as webhooks and as integrations; not by others", async () => {
  const made = await particle.createIntegration({
    event: "i",
    settings: { integration_type: "Webhook", url: `${base}/i`, requestType: "GET" },
    deviceId: id,
  });
  const integrationId = made.body.id;
  const { body: integrations } = await particle.listIntegrations({});
  expect(integrations).toMatchObject([
    {
      id: integrationId,
      event: "i",
      integration_type: "Webhook",
      requestType: "GET",
      deviceID: id,
    },
  ]);
  const { body: hooks } = await particle.listWebhooks({});
  expect(hooks).toMatchObject([{ id: integrationId, url: `${base}/i` }]);
  await particle.editIntegration({ integrationId, event: "j", settings: { requestType: "POST" } });
  expect((await particle.listIntegrations({})).body).toMatchObject([
    { id: integrationId, event: "j", url: `${base}/i`, requestType: "POST", deviceID: id },
  ]);
  await fixture.addUser("other@example.com");
  const other = fixture.client("other@example.com");
  expect((await other.listWebhooks({})).body).toEqual([]);
  await expect(other.deleteWebhook({ hookId: integrationId })).rejects.toMatchObject({
    statusCode: 404,
  });
  await particle.deleteIntegration({ integrationId });
  expect((await particle.listWebhooks({})).body).toEqual([]);
  const wrong: [string, object][] = [
    ["no event", { url: base }],
    ["no url", { event: "x" }],
    ["scheme", { event: "x", url: "file:///etc/passwd" }],
    ["type", { event: "x", url: base, requestType: "TRACE" }],
    ["header", { event: "x", url: base, headers: { Host: "y" } }],
    ["json", { event: "x", url: base, json: 5 }],
    ["form", { event: "x", url: base, form: "[1]" }],
    ["integration", { event: "x", url: base, integration_type: "AzureIotHub" }],
    ["device", { event: "x", url: base, deviceid: "nobody" }],
  ];
  const token = fixture.token();
  for (const [what, json] of wrong) {
    const { status, body } = await fixture.request("POST", "/v1/webhooks", { token, json });
    expect([what, status]).toEqual([what, what === "device" ? 404 : 400]);
    expect(body).toMatchObject({ ok: false, error: expect.any(String) });
  }
});

test("there is an end to their number, and they survive a restart", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) ids.push(await createHook({ event: `n${i}` }));
  await expect(createHook({ event: "one too many" })).rejects.toMatchObject({
    body: { reason: "too-many-webhooks" },
  });
  await fixture.stopCloud();
  await fixture.start();
  particle = fixture.client();
  expect((await particle.listWebhooks({})).body).toHaveLength(20);
  const sent = collect("hook-sent/");
  await device.publish("n7");
  await sent.until(1);
  expect(received).toHaveLength(1);
  for (const hookId of ids) await particle.deleteWebhook({ hookId });
});
