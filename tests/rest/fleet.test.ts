// A fleet: two cloud processes with one set of users, a real broker between them, and devices with the real core at each.

import { once } from "node:events";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type Particle from "particle-api-js";
import {
  ConnectionState,
  Device,
  FileStorage,
  StorageSlot,
  SubscriptionContent,
  VariableType,
  loadModule,
} from "../../bindings/node";
import { ContentFormat, provisionDevice } from "../../cloud";
import { openStoredCloud } from "../../cloud/rest/open";
import { CloudProcess } from "../support/cloud-process";
import { readEvents } from "../support/event-reader";
import { projectRoot } from "../support/fixture";
import { NatsProcess } from "../support/nats-process";
import { isThere } from "../support/needs";

const describeFleet = isThere("a fleet of clouds", "broker") ? describe : describe.skip;
const core = loadModule(path.join(projectRoot, "build/boson.wasm"));

interface Seen {
  name: string;
  data: string;
}

describeFleet("two clouds, one fleet", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-fleet-"));
  const shared = path.join(folder, "shared");
  const broker = new NatsProcess();
  const devices: Device[] = [];
  const ids: Record<string, string> = {};
  const seen: Record<string, Seen[]> = { kitchen: [], garden: [] };
  let first: CloudProcess;
  let second: CloudProcess;
  /** At the first cloud, and at the second one with the same token. */
  let here: Particle;
  let there: Particle;
  let token: string;
  let kitchen: Device;
  let garden: Device;

  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  const makeDevice = (name: string, { udpPort }: CloudProcess): Device => {
    const device = new Device({
      module: core,
      storage: new FileStorage(path.join(folder, name)),
      deviceId: ids[name],
      server: { host: "127.0.0.1", port: udpPort },
    });
    devices.push(device);
    device.function("double", (argument) => 2 * Number(argument));
    device.variable("where", VariableType.String, () => name);
    const note = (event: string, data: Uint8Array): void =>
      void seen[name].push({ name: event, data: Buffer.from(data).toString("latin1") });
    device.subscribe("to/", note);
    device.subscribe("bytes/", note, SubscriptionContent.Binary);
    return device;
  };

  const list = async (api: Particle): Promise<{ name: string; online: boolean }[]> =>
    (await api.listDevices({})).body as { name: string; online: boolean }[];
  const isOnline = async (api: Particle, name: string): Promise<boolean> =>
    (await list(api)).some((device) => device.name === name && device.online);

  const start = async (name: string): Promise<CloudProcess> => {
    const options = ["--fleet", shared, "--broker", broker.url];
    const cloud = new CloudProcess(path.join(folder, name), options);
    await cloud.start();
    return cloud;
  };

  beforeAll(async () => {
    await broker.start();
    for (const name of ["kitchen", "garden"]) {
      const deviceDirectory = path.join(folder, name);
      ids[name] = provisionDevice({ cloudDirectory: shared, deviceDirectory, name }).id;
    }
    first = await start("first");
    second = await start("second");
    here = await first.login();
    token = here.auth as string;
    there = await second.login();
    kitchen = makeDevice("kitchen", first);
    garden = makeDevice("garden", second);
    await Promise.all([kitchen.connect(), garden.connect()]);
    const described = async (api: Particle, name: string): Promise<boolean> =>
      (await api.getDevice({ deviceId: name })).body.functions !== null;
    for (const api of [here, there]) {
      for (const name of ["kitchen", "garden"]) await until(() => described(api, name));
    }
  });
  afterAll(async () => {
    for (const device of devices) device.stop();
    for (const cloud of [first, second]) if (cloud?.pid !== undefined) await cloud.kill();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("users, tokens, devices and webhooks are those of both", async () => {
    const answer = await fetch(`${second.url}/v1/user`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await answer.json()).toMatchObject({ username: "dev" });
    const names = async (api: Particle): Promise<string[]> =>
      (await list(api)).map(({ name }) => name).sort();
    expect(await names(here)).toEqual(["garden", "kitchen"]);
    expect(await names(there)).toEqual(["garden", "kitchen"]);
    await here.renameDevice({ deviceId: ids.garden, name: "orchard" });
    await until(async () => (await names(there)).includes("orchard"));
    await there.renameDevice({ deviceId: ids.garden, name: "garden" });
    await until(async () => (await names(here)).includes("garden"));
  });

  test("functions, variables, ping and signal of a device at the other cloud", async () => {
    const { body } = await there.callFunction({
      ...{ deviceId: "kitchen", name: "double", argument: "21" },
    });
    expect(body.return_value).toBe(42);
    expect((await here.getVariable({ deviceId: "garden", name: "where" })).body.result).toBe(
      "garden",
    );
    const signal = new Promise((resolve) => kitchen.once("signal", resolve));
    await there.signalDevice({ deviceId: "kitchen", signal: true });
    expect(await signal).toEqual(expect.objectContaining({ on: true }));
    const ping = await there.put({ uri: `/v1/devices/${ids.kitchen}/ping`, auth: there.auth });
    expect(ping.body).toEqual({ ok: true, online: true });
    await expect(
      there.callFunction({ deviceId: "kitchen", name: "no", argument: "" }),
    ).rejects.toMatchObject({ statusCode: 404, body: { error: "Function no not found" } });
    await expect(there.getVariable({ deviceId: "kitchen", name: "no" })).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  test("an event reaches streams and devices of the other cloud, once", async () => {
    const events = readEvents(`${second.url}/v1/devices/events/to/`, token);
    const next = events.next();
    await until(async () => {
      const status = await fetch(`${second.url}/v1/local/status?access_token=${token}`);
      return ((await status.json()) as { streams: number }).streams > 0;
    });
    await kitchen.publish("to/all", "hello");
    await kitchen.publish("bytes/to/all", Uint8Array.of(0, 255, 10), {
      contentFormat: ContentFormat.OctetStream,
    });
    expect((await next).value).toMatchObject({
      name: "to/all",
      data: "hello",
      coreid: ids.kitchen,
    });
    await there.publishEvent({ name: "to/api", data: "from there" });
    await until(() => seen.kitchen.length >= 3 && seen.garden.length >= 3);
    const last = await here.publishEvent({ name: "to/last", data: "x" });
    expect(last.body.ok).toBe(true);
    await until(() =>
      [seen.kitchen, seen.garden].every((events) => events.at(-1)?.name === "to/last"),
    );
    for (const events of [seen.kitchen, seen.garden]) {
      expect(events.map(({ name, data }) => `${name} ${data}`)).toEqual([
        "to/all hello",
        "bytes/to/all \0\xff\n",
        "to/api from there",
        "to/last x",
      ]);
    }
    await events.return(undefined);
    const log = await fetch(`${second.url}/v1/local/events?prefix=bytes&access_token=${token}`);
    expect(await log.json()).toMatchObject([
      { data: "data:application/octet-stream;base64,AP8K", coreid: ids.kitchen },
    ]);
  });

  test("a new key by way of the other cloud ends the session", async () => {
    const changed = path.join(folder, "changed");
    const { keyPair } = provisionDevice({
      ...{ cloudDirectory: path.join(folder, "elsewhere"), deviceDirectory: changed },
    });
    const pem = keyPair.publicKey.export({ type: "spki", format: "pem" }).toString();
    const oldPem = createPublicKey({
      ...{ key: readFileSync(path.join(folder, "kitchen/device-public-key.der")) },
      ...{ format: "der", type: "spki" },
    });
    const send = (publicKey: string): Promise<unknown> =>
      there.sendPublicKey({ deviceId: ids.kitchen, key: publicKey });
    const lost = new Promise<void>((resolve) => {
      kitchen.on("connection", ({ state }) => state === ConnectionState.Opening && resolve());
    });
    await send(pem);
    await lost;
    await send(oldPem.export({ type: "spki", format: "pem" }).toString());
    await kitchen.connect();
    await until(() => isOnline(there, "kitchen"));
  });

  test("a webhook of both is sent once, by the cloud where the event was published", async () => {
    const requests: string[] = [];
    const service: Server = createServer((request, response) => {
      requests.push(request.url ?? "");
      response.end("done");
    });
    service.listen(0, "127.0.0.1");
    await once(service, "listening");
    const { port } = service.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/{{PARTICLE_EVENT_VALUE}}`;
    const { body } = await there.createWebhook({ event: "hook", url });
    await until(async () => (await here.listWebhooks({})).body.length === 1);
    await kitchen.publish("hook", "at-first");
    await garden.publish("hook", "at-second");
    await until(() => requests.length >= 2);
    await there.deleteWebhook({ hookId: body.id });
    await until(async () => (await here.listWebhooks({})).body.length === 0);
    await kitchen.publish("hook", "deleted");
    await here.callFunction({ deviceId: "kitchen", name: "double", argument: "1" });
    service.close();
    expect(requests.sort()).toEqual(["/at-first", "/at-second"]);
  });

  test("a device that goes over to the other cloud is found there", async () => {
    await garden.disconnect({ goodbye: 1 });
    await until(async () => !(await isOnline(here, "garden")));
    garden.stop();
    const storage = new FileStorage(path.join(folder, "garden"));
    for (const slot of [StorageSlot.SessionA, StorageSlot.SessionB]) {
      storage.write(slot, new Uint8Array());
    }
    garden = makeDevice("garden", first);
    await garden.connect();
    await until(() => isOnline(there, "garden"));
    const { body } = await there.callFunction({
      deviceId: "garden",
      name: "double",
      argument: "4",
    });
    expect(body.return_value).toBe(8);
  });

  test("while the broker is away each cloud goes on; what has changed is known once it is back", async () => {
    await broker.stop();
    const { body } = await here.callFunction({
      deviceId: "kitchen",
      name: "double",
      argument: "3",
    });
    expect(body.return_value).toBe(6);
    await here.renameDevice({ deviceId: ids.kitchen, name: "scullery" });
    await broker.start();
    await until(() => isOnline(there, "scullery"));
    await there.renameDevice({ deviceId: ids.kitchen, name: "kitchen" });
    await until(() => isOnline(there, "kitchen"));
    const call = (): Promise<{ body: { return_value: number } }> =>
      there.callFunction({ deviceId: ids.kitchen, name: "double", argument: "5" });
    // Each cloud finds the broker again in its own time; until both have, a call is refused.
    let answer: number | undefined;
    await until(async () => {
      answer = await call().then(
        (response) => response.body.return_value,
        () => undefined,
      );
      return answer !== undefined;
    });
    expect(answer).toBe(10);
  });

  test("the common directory is for fleets only, and a fleet needs its broker", async () => {
    expect(() => openStoredCloud(shared)).toThrow(/belongs to a fleet/);
    const options = ["--fleet", shared, "--broker", "nats://127.0.0.1:1"];
    const third = new CloudProcess(path.join(folder, "third"), options);
    await expect(third.start()).rejects.toThrow(/no broker at 127\.0\.0\.1:1/);
    const taken = new CloudProcess(path.join(folder, "first"), ["--fleet", shared]);
    await expect(taken.start()).rejects.toThrow(/is running on this data directory/);
  });

  test("when a cloud is killed its devices are offline for the other one", async () => {
    expect(await isOnline(there, "kitchen")).toBe(true);
    await first.kill();
    await until(async () => !(await isOnline(there, "kitchen")));
    await expect(
      there.callFunction({ deviceId: ids.kitchen, name: "double", argument: "1" }),
    ).rejects.toMatchObject({ statusCode: 400, body: { reason: "device-offline" } });
    await first.start();
    await kitchen.publish("back");
    await until(() => isOnline(there, "kitchen"));
  });

  test("a cloud that stops while the broker is away stops", async () => {
    await broker.stop();
    process.kill(first.pid!, "SIGTERM");
    await until(() => first.pid === undefined);
  });
});
