// A cloud that is stopped and started again: devices, clients and the API go on as if nothing had been.

import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Reason, VariableType } from "../../bindings/node";
import { FileStorage, provisionDevice } from "../../cloud";
import { importDevices, openStoredCloud } from "../../cloud/rest/open";
import { RestFixture, USERNAME } from "../support/rest-fixture";

const fixture = new RestFixture();
fixture.keepsPort = true;
beforeAll(() => fixture.start());
afterAll(() => fixture.stop());

test("a device that sleeps through a restart is called, without a handshake or a word about itself", async () => {
  const id = fixture.provision("sleeper", USERNAME);
  const device = fixture.device("sleeper", id);
  const reasons: Reason[] = [];
  device.on("connected", ({ reason }) => reasons.push(reason));
  device.function("double", (argument) => 2 * Number(argument));
  device.variable("ratio", VariableType.Double, () => 21.5);
  const heard: string[] = [];
  device.subscribe("to/device", (name) => heard.push(name));
  const described = fixture.described(id);
  await device.connect();
  await described;
  await device.publish("before");
  const token = fixture.token();
  const { body: before } = await fixture.request("GET", `/v1/devices/${id}`, { token });

  await fixture.stopCloud();
  await fixture.start();
  const said: string[] = [];
  fixture.cloud.on("device", ({ change }) => said.push(change));
  // The token of before is good; the device is known but was not heard yet.
  const known = await fixture.request("GET", `/v1/devices/${id}`, { token });
  expect(known.body).toMatchObject({ online: false, last_handshake_at: before.last_handshake_at });
  await device.publish("after");
  const { body } = await fixture.request("GET", `/v1/devices/${id}`, { token });
  expect(body).toMatchObject({
    ...{ online: true, functions: ["double"], variables: { ratio: "double" } },
    ...{ name: "sleeper", last_handshake_at: before.last_handshake_at },
  });
  const call = await fixture.request("POST", `/v1/devices/${id}/double`, {
    token,
    json: { args: "4" },
  });
  expect(call.body.return_value).toBe(8);
  const delivery = once(fixture.cloud, "delivery");
  await fixture.request("POST", "/v1/devices/events", { token, json: { name: "to/device" } });
  await delivery;
  expect(heard).toEqual(["to/device"]);
  expect(reasons).toEqual([Reason.HandshakeDone]);
  expect(said).not.toContain("hello");
  expect(said).not.toContain("describe");
  const events = await fixture.request("GET", "/v1/local/events?prefix=", { token });
  const names = (events.body as unknown as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["before", "after", "to/device"]));
  expect(names.indexOf("before")).toBeLessThan(names.indexOf("after"));
});

test("the official client takes up its event stream again", async () => {
  const stream = await fixture.client().getEventStream({ deviceId: "mine", name: "again" });
  const events: { name: string }[] = [];
  stream.on("event", (event: { name: string }) => events.push(event));
  const resumed = once(stream, "reconnect-success");
  await fixture.stopCloud();
  await fixture.start();
  await resumed;
  const token = fixture.token();
  await fixture.request("POST", "/v1/devices/events", { token, json: { name: "again" } });
  while (events.length === 0) await once(stream, "event");
  expect(events).toMatchObject([{ name: "again" }]);
  (stream as unknown as { stopIdleTimeout: () => void }).stopIdleTimeout();
  stream.abort();
});

test("a directory of a cloud without a store is taken over, with its sessions", async () => {
  const data = path.join(fixture.folder, "old");
  const { id } = provisionDevice({ cloudDirectory: data, deviceDirectory: path.join(data, "d") });
  const files = new FileStorage(path.join(data, "sessions"));
  const document = JSON.stringify({
    ...{ version: 1, publicKey: "of another key", lastMessageId: 1 },
    ...{ duplicates: [], describes: {}, subscriptions: [] },
  });
  files.save(id, document, false);
  const first = openStoredCloud(data);
  expect(first.cloud.devices.map((device) => device.id)).toEqual([id]);
  expect(readdirSync(path.join(data, "sessions"))).toEqual([]);
  expect(readdirSync(data)).toContain("devices.json.imported");
  await first.store.close();

  // A session in both places may have been used in both: neither is safe.
  const between = openStoredCloud(data);
  between.store.table<string>("state").put(id, document);
  await between.store.close();
  files.save(id, document, false);
  const second = openStoredCloud(data);
  expect(second.store.table("state").get(id)).toBeUndefined();
  expect(readdirSync(path.join(data, "sessions"))).toEqual([]);
  // A damaged file is not half taken over.
  writeFileSync(path.join(data, "devices.json"), '[{"id":');
  expect(() => importDevices(second.cloud.registry, data)).toThrow();
  expect(second.cloud.devices).toHaveLength(1);
  await second.store.close();
});
