// particle-api-js, the official client, unmodified, against devices that run the real core over UDP.

import { once } from "node:events";
import path from "node:path";
import { VariableType } from "../../bindings/node";
import type { Device } from "../../bindings/node";
import Particle from "particle-api-js";
import { FlashDevice } from "../support/flash-device";
import { fileOf } from "../support/flash-world";
import { PASSWORD, RestFixture, USERNAME } from "../support/rest-fixture";

const fixture = new RestFixture();
let particle: Particle;
let id: string;
let device: Device;
let signals: boolean[];

beforeAll(async () => {
  await fixture.start();
  particle = fixture.client();
  id = fixture.provision("kitchen", USERNAME);
  device = fixture.device("kitchen", id);
  signals = [];
  device.on("signal", ({ on }) => signals.push(on));
  device.function("double", (argument) => 2 * Number(argument));
  device.function("fails", () => {
    throw new Error("on purpose");
  });
  device.variable("flag", VariableType.Bool, () => true);
  device.variable("count", VariableType.Int, () => -42);
  device.variable("ratio", VariableType.Double, () => 21.5);
  device.variable("text", VariableType.String, () => "grüezi");
  device.variable("odd", VariableType.Double, () => NaN);
  const described = fixture.described(id);
  await device.connect();
  await described;
});
afterAll(() => fixture.stop());

interface StreamEvent {
  name: string;
  data: string | null;
  ttl: number;
  published_at: string;
  coreid: string;
  [field: string]: unknown;
}
type Stream = Awaited<ReturnType<Particle["getEventStream"]>>;
const open: Stream[] = [];
afterEach(() => {
  for (const stream of open.splice(0)) {
    // abort() leaves this timer running.
    (stream as unknown as { stopIdleTimeout: () => void }).stopIdleTimeout();
    stream.abort();
  }
});

/** A stream and the events that it has brought. */
async function openStream(
  options: Parameters<Particle["getEventStream"]>[0],
): Promise<{ events: StreamEvent[]; until: (count: number) => Promise<StreamEvent[]> }> {
  const stream = await particle.getEventStream(options);
  open.push(stream);
  const events: StreamEvent[] = [];
  stream.on("event", (event: StreamEvent) => events.push(event));
  const until = async (count: number): Promise<StreamEvent[]> => {
    while (events.length < count) await once(stream, "event");
    return events;
  };
  return { events, until };
}

/** What a client throws. */
async function failureOf(call: Promise<unknown>): Promise<{ statusCode: number; body: unknown }> {
  return call.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: { statusCode: number; body: unknown }) => error,
  );
}

describe("login", () => {
  test("with user name and password, who am I, and logout", async () => {
    const client = new Particle({ baseUrl: fixture.server.url });
    const { body } = await client.login({ username: USERNAME, password: PASSWORD });
    expect(body).toMatchObject({ token_type: "bearer", expires_in: 7776000 });
    const auth = body.access_token;
    const { body: user } = await client.getUserInfo({ auth });
    expect(user.username).toBe(USERNAME);
    await client.deleteCurrentAccessToken({ auth });
    expect(await failureOf(client.getUserInfo({ auth }))).toMatchObject({
      statusCode: 401,
      body: { error: "invalid_token" },
    });
  });

  test("a wrong password, an unknown user, no token", async () => {
    const client = new Particle({ baseUrl: fixture.server.url });
    for (const credentials of [
      { username: USERNAME, password: "wrong password" },
      { username: "nobody@example.com", password: PASSWORD },
    ]) {
      expect(await failureOf(client.login(credentials))).toMatchObject({
        statusCode: 400,
        errorDescription: expect.stringContaining("User credentials are invalid"),
      });
    }
    expect(await failureOf(client.listDevices({}))).toMatchObject({
      statusCode: 400,
      errorDescription: expect.stringContaining("The access token was not found"),
    });
  });

  test("as a client with a secret of its own", async () => {
    const made = await particle.createOAuthClient({ name: "My App", type: "installed" });
    const { id: clientId, secret } = made.body as { id: string; secret: string };
    const client = new Particle({ baseUrl: fixture.server.url, clientId, clientSecret: secret });
    const { body } = await client.loginAsClientOwner({});
    const { body: user } = await client.getUserInfo({ auth: body.access_token });
    expect(user.username).toBe(USERNAME);
    const wrong = new Particle({ baseUrl: fixture.server.url, clientId, clientSecret: "wrong" });
    expect(await failureOf(wrong.loginAsClientOwner({}))).toMatchObject({ statusCode: 401 });
    await particle.deleteOAuthClient({ clientId });
    expect(await failureOf(client.loginAsClientOwner({}))).toMatchObject({ statusCode: 401 });
  });

  test("all tokens end at once", async () => {
    await fixture.addUser("other@example.com");
    const client = fixture.client("other@example.com");
    await client.deleteActiveAccessTokens({});
    expect(await failureOf(client.listDevices({}))).toMatchObject({ statusCode: 401 });
    await expect(particle.listDevices({})).resolves.toBeTruthy();
  });
});

describe("devices", () => {
  const list = async (): Promise<{ id: string }[]> =>
    (await particle.listDevices({})).body as { id: string }[];

  test("are listed, and shown with functions and variables, by id and by name", async () => {
    const devices = await list();
    expect(devices).toMatchObject([{ id, name: "kitchen", online: true, connected: true }]);
    expect(devices[0]).not.toHaveProperty("functions");
    for (const deviceId of [id, "kitchen", "Kitchen"]) {
      const { body } = await particle.getDevice({ deviceId });
      expect(body).toMatchObject({
        ...{ id, online: true, last_ip_address: "127.0.0.1", owner: USERNAME },
        functions: ["double", "fails"],
        variables: { flag: "bool", count: "int32", ratio: "double", text: "string", odd: "double" },
      });
      expect(Date.parse(body.last_heard!)).toBeGreaterThan(Date.now() - 120_000);
    }
  });

  test("are claimed, renamed, annotated and removed", async () => {
    const other = fixture.provision("garage");
    const { body: claimed } = await particle.claimDevice({ deviceId: other });
    expect(claimed).toMatchObject({ ok: true, id: other, connected: false });
    const { body: renamed } = await particle.renameDevice({ deviceId: other, name: "barn" });
    expect(renamed).toMatchObject({ id: other, name: "barn" });
    const conflict = particle.renameDevice({ deviceId: other, name: "kitchen" });
    expect(await failureOf(conflict)).toMatchObject({ statusCode: 409 });
    await particle.setDeviceNotes({ deviceId: "barn", notes: "behind the house" });
    const { body } = await particle.getDevice({ deviceId: "barn" });
    expect(body).toMatchObject({ name: "barn", notes: "behind the house", online: false });
    expect(body).toMatchObject({ functions: null, variables: null });

    await fixture.addUser("thief@example.com");
    const thief = fixture.client("thief@example.com");
    expect(await failureOf(thief.claimDevice({ deviceId: other }))).toMatchObject({
      statusCode: 403,
      body: { error: expect.stringContaining("belongs to someone else") },
    });
    expect(await failureOf(thief.getDevice({ deviceId: other }))).toMatchObject({
      statusCode: 404,
    });
    await particle.removeDevice({ deviceId: other });
    expect(await failureOf(particle.getDevice({ deviceId: other }))).toMatchObject({
      statusCode: 404,
    });
    await thief.claimDevice({ deviceId: other });
    await thief.removeDevice({ deviceId: other });
  });

  test("claim themselves by a claim code", async () => {
    const other = fixture.provision("cellar");
    const { body } = await particle.getClaimCode({});
    expect(body.claim_code).toHaveLength(63);
    expect(body.device_ids).toContain(id);
    const cellar = fixture.device("cellar", other);
    await cellar.connect();
    // What Device OS publishes; the core keeps the name for itself.
    fixture.cloud.emit("event", {
      ...{ deviceId: other, name: "spark/device/claim/code", ttl: 60 },
      ...{
        data: Buffer.from(body.claim_code),
        contentType: 0,
        confirmable: true,
        token: "",
        messageId: 1,
      },
    });
    expect((await list()).map((entry) => entry.id)).toContain(other);
    await particle.removeDevice({ deviceId: other });
    cellar.stop();
  });

  test("are signalled and pinged", async () => {
    const { body } = await particle.signalDevice({ deviceId: id, signal: true });
    expect(body).toMatchObject({ id, connected: true, signaling: true });
    await particle.signalDevice({ deviceId: id, signal: false });
    expect(signals).toEqual([true, false]);
    const auth = fixture.token();
    const ping = await particle.put({ uri: `/v1/devices/${id}/ping`, auth });
    expect(ping.body).toEqual({ ok: true, online: true });
    const offline = fixture.provision("attic", USERNAME);
    const silent = await particle.put({ uri: `/v1/devices/${offline}/ping`, auth });
    expect(silent.body).toEqual({ ok: true, online: false });
    await particle.removeDevice({ deviceId: offline });
  });

  test("belong to the product that they report", async () => {
    const { body } = await particle.listProducts({});
    const product = String(body.products[0].id);
    const { body: page } = await particle.listDevices({ product, perPage: 1 });
    expect(page).toMatchObject({ devices: [{ id }], meta: { page: 1, total_pages: 1 } });
    const { body: shown } = await particle.getDevice({ deviceId: id, product });
    expect(shown.id).toBe(id);
    const { body: call } = await particle.callFunction({
      ...{ deviceId: id, product, name: "double", argument: "4" },
    });
    expect(call.return_value).toBe(8);
    const wrong = particle.getDevice({ deviceId: id, product: "4711" });
    expect(await failureOf(wrong)).toMatchObject({ statusCode: 404 });
  });
});

describe("functions and variables", () => {
  test("a function gets its argument and returns a number", async () => {
    const { body } = await particle.callFunction({ deviceId: id, name: "double", argument: "21" });
    expect(body).toEqual({ id, name: "kitchen", connected: true, return_value: 42 });
    const none = await particle.callFunction({ deviceId: "kitchen", name: "double", argument: "" });
    expect(none.body.return_value).toBe(0);
  });

  test("variables of all types", async () => {
    const values: Record<string, unknown> = {};
    for (const name of ["flag", "count", "ratio", "text", "odd"]) {
      const { body } = await particle.getVariable({ deviceId: id, name });
      expect(body).toMatchObject({ name, cmd: "VarReturn", coreInfo: { deviceID: id } });
      values[name] = body.result;
    }
    expect(values).toEqual({ flag: true, count: -42, ratio: 21.5, text: "grüezi", odd: "NaN" });
  });

  test("what is not there, and what fails", async () => {
    const call = particle.callFunction({ deviceId: id, name: "nothing", argument: "" });
    expect(await failureOf(call)).toMatchObject({
      statusCode: 404,
      body: { ok: false, error: "Function nothing not found" },
    });
    const read = particle.getVariable({ deviceId: id, name: "nothing" });
    expect(await failureOf(read)).toMatchObject({
      statusCode: 404,
      body: { ok: false, error: "Variable not found" },
    });
    const long = particle.callFunction({
      deviceId: id,
      name: "double",
      argument: "x".repeat(2000),
    });
    expect(await failureOf(long)).toMatchObject({ statusCode: 400 });
  });

  test("a device that is not online", async () => {
    const offline = fixture.provision("shed", USERNAME);
    const call = particle.callFunction({ deviceId: offline, name: "double", argument: "1" });
    expect(await failureOf(call)).toMatchObject({
      statusCode: 400,
      body: { ok: false, error: "The device is not online" },
    });
    const read = particle.getVariable({ deviceId: offline, name: "count" });
    expect(await failureOf(read)).toMatchObject({ statusCode: 400 });
    await particle.removeDevice({ deviceId: offline });
  });
});

describe("events", () => {
  test("of a device reach its streams: all, by prefix, of the device", async () => {
    const all = await openStream({ deviceId: "mine" });
    const prefixed = await openStream({ deviceId: "mine", name: "temp/in" });
    const own = await openStream({ deviceId: id });
    const product = String(fixture.cloud.device(id).lastHello?.productId);
    const ofProduct = await openStream({ product });
    await device.publish("other", "1");
    await device.publish("temp/indoor", "21.5 °C");
    const [, second] = await all.until(2);
    expect(second).toMatchObject({ name: "temp/indoor", data: "21.5 °C", ttl: 60, coreid: id });
    expect(Date.parse(second.published_at)).toBeGreaterThan(0);
    expect((await prefixed.until(1)).map(({ name }) => name)).toEqual(["temp/indoor"]);
    expect((await own.until(2)).map(({ name }) => name)).toEqual(["other", "temp/indoor"]);
    expect((await ofProduct.until(1))[0].productID).toBe(Number(product));
  });

  test("of the API reach streams and subscribed devices", async () => {
    const { until } = await openStream({ deviceId: "mine", name: "config/" });
    const received = new Promise<string>((resolve) => {
      device.subscribe("config/", (name, data) => {
        resolve(`${name}=${Buffer.from(data).toString()}`);
      });
    });
    await once(fixture.cloud, "device");
    const { body } = await particle.publishEvent({ name: "config/interval", data: "60" });
    expect(body).toEqual({ ok: true });
    expect(await received).toBe("config/interval=60");
    expect((await until(1))[0]).toMatchObject({ name: "config/interval", data: "60" });
  });

  test("without data, in bytes, and as JSON", async () => {
    const { until } = await openStream({ deviceId: "mine", name: "kind" });
    await device.publish("kind/none");
    await device.publish("kind/bytes", Uint8Array.of(0, 255), { contentFormat: 42 });
    await device.publish("kind/json", '{"a":1}', { contentFormat: 50 });
    const events = await until(3);
    expect(events.map(({ data }) => data)).toEqual([
      null,
      "data:application/octet-stream;base64,AP8=",
      '{"a":1}',
    ]);
  });

  test("of others are not seen, nor received", async () => {
    await fixture.addUser("neighbour@example.com");
    const neighbour = fixture.client("neighbour@example.com");
    const { events, until } = await openStream({ deviceId: "mine", name: "secret" });
    const heard: string[] = [];
    device.subscribe("secret", (name) => heard.push(name));
    await once(fixture.cloud, "device");
    await neighbour.publishEvent({ name: "secret/theirs", data: "x" });
    await particle.publishEvent({ name: "secret/ours", data: "x" });
    await until(1);
    expect(events.map(({ name }) => name)).toEqual(["secret/ours"]);
    const { body } = await particle.callFunction({ deviceId: id, name: "double", argument: "1" });
    expect(body.return_value).toBe(2);
    expect(heard).toEqual(["secret/ours"]);
    const theirs = neighbour.getEventStream({ deviceId: id });
    expect(await failureOf(theirs)).toMatchObject({ statusCode: 404 });
  });

  test("status of a device", async () => {
    const { until } = await openStream({ deviceId: id, name: "spark/status" });
    await device.disconnect({ goodbye: 1 });
    await device.connect();
    expect((await until(2)).map(({ data }) => data)).toEqual(["offline", "online"]);
  });

  test("reserved and impossible ones are refused", async () => {
    for (const name of ["spark/status", "particle/x", "", "x".repeat(65)]) {
      const publish = particle.publishEvent({ name, data: "" });
      expect(await failureOf(publish)).toMatchObject({ statusCode: 400 });
    }
    const long = particle.publishEvent({ name: "x", data: "x".repeat(1025) });
    expect(await failureOf(long)).toMatchObject({ statusCode: 400 });
  });
});

describe("products and organizations", () => {
  let product: string;
  beforeAll(() => (product = String(fixture.cloud.device(id).lastHello?.productId)));

  test("have events, of all their devices and of one", async () => {
    const ofProduct = await openStream({ product, name: "p/" });
    const ofDevice = await openStream({ product, deviceId: id });
    const ofOrg = await openStream({ org: "acme", name: "p/" });
    await particle.publishEvent({ name: "p/api", data: "1", product });
    await particle.post({
      ...{ uri: "/v1/orgs/acme/events", auth: fixture.token() },
      data: { name: "p/org", data: "1" },
    });
    await device.publish("p/device", "1");
    const names = ({ name }: StreamEvent): string => name;
    expect((await ofProduct.until(2)).map(names)).toEqual(["p/api", "p/device"]);
    expect((await ofDevice.until(1)).map(names)).toEqual(["p/device"]);
    expect((await ofOrg.until(3)).map(names)).toEqual(["p/api", "p/org", "p/device"]);
  });

  test("have claim codes, variables, names and owners of their devices", async () => {
    expect((await particle.getClaimCode({ product })).body.claim_code).toHaveLength(63);
    const { body } = await particle.getVariable({ deviceId: id, product, name: "count" });
    expect(body.result).toBe(-42);
    await particle.renameDevice({ deviceId: id, product, name: "galley" });
    await particle.renameDevice({ deviceId: id, product, name: "kitchen" });
    await particle.removeDeviceOwner({ deviceId: id, product });
    await particle.claimDevice({ deviceId: id });
    const { body: shown } = await particle.getProduct({ product });
    expect(shown).toMatchObject({ product: { id: Number(product) } });
    expect(await failureOf(particle.getProduct({ product: "4711" }))).toMatchObject({
      statusCode: 404,
    });
  });

  test("have webhooks of their own", async () => {
    const url = "http://127.0.0.1:1/";
    const { body } = await particle.createWebhook({ event: "p", url, product });
    expect((await particle.listWebhooks({ product })).body).toHaveLength(1);
    expect((await particle.listWebhooks({ product: "4711" })).body).toEqual([]);
    expect(
      await failureOf(particle.deleteWebhook({ hookId: body.id, product: "4711" })),
    ).toMatchObject({ statusCode: 404 });
    await particle.deleteWebhook({ hookId: body.id, product });
    const made = await particle.createIntegration({
      ...{ event: "o", org: "acme" },
      settings: { integration_type: "Webhook", url },
    });
    const integrationId = made.body.id;
    await particle.editIntegration({ integrationId, org: "acme", event: "o2", settings: {} });
    expect((await particle.listIntegrations({ org: "acme" })).body).toMatchObject([
      { id: integrationId, event: "o2" },
    ]);
    await particle.deleteIntegration({ integrationId, org: "acme" });
  });

  test("have no firmware here, and say so", async () => {
    const development = particle.markAsDevelopmentDevice({ deviceId: id, product });
    expect(await failureOf(development)).toMatchObject({
      statusCode: 501,
      body: { reason: "no-product-firmware" },
    });
  });
});

describe("firmware", () => {
  test("a device takes an update", async () => {
    const name = "updated";
    const deviceId = fixture.provision(name, USERNAME);
    const flashed = new FlashDevice(fixture.devicePort, path.join(fixture.folder, name));
    const { until } = await openStream({ deviceId });
    await flashed.connect();
    await until(1);
    const file = fileOf(200_000);
    const files = { file };
    const { body } = await particle.flashDevice({ deviceId, files: files as never });
    expect(body).toMatchObject({ ok: true, id: deviceId, status: "Update started" });
    const [online, started, success] = await until(3);
    expect(online).toMatchObject({ name: "spark/status", data: "online" });
    expect(started).toMatchObject({ name: "spark/flash/status", data: "started" });
    expect(success).toMatchObject({ name: "spark/flash/status", data: "success" });
    expect(flashed.receiver.accepted?.equals(file)).toBe(true);
    flashed.close();
  });

  test("a device without updates refuses, a compiler there is not", async () => {
    const files = { file: Buffer.alloc(2000, 7) };
    const { until } = await openStream({ deviceId: id, name: "spark/flash" });
    await particle.flashDevice({ deviceId: id, files: files as never });
    expect((await until(2)).map(({ data }) => data)).toEqual(["started", "failed"]);
    const compile = particle.compileCode({ files: files as never, platformId: 12 });
    expect(await failureOf(compile)).toMatchObject({
      statusCode: 501,
      body: { ok: false, errors: [expect.any(String)], reason: "compiler-not-supported" },
    });
  });

  test("too much is refused", async () => {
    const files = { file: Buffer.alloc(5 * 1024 * 1024) };
    const flash = particle.flashDevice({ deviceId: id, files: files as never });
    expect(await failureOf(flash)).toMatchObject({ statusCode: 413 });
  });
});
