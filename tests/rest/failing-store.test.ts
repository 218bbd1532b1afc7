// A disk that refuses: the API says so without details, changes nothing, and events go on.

import { DeviceRecords } from "../../cloud/rest/device-records";
import { RestServer } from "../../cloud/rest/server";
import { MemoryStore } from "../../cloud/store/memory-store";
import type { Table } from "../../cloud/store/store";
import { DEVICE_ID, setupCloud } from "../support/cloud-fixture";
import { PASSWORD, USERNAME } from "../support/rest-fixture";

/** A store that can be told to fail. */
class FailingStore extends MemoryStore {
  failing = false;

  override table<T>(name: string): Table<T> {
    const table = super.table<T>(name);
    const check = (): void => {
      if (this.failing) throw new Error("ENOSPC: secret path");
    };
    return {
      get: (key) => table.get(key),
      entries: () => table.entries(),
      put: (key, value, durable) => (check(), table.put(key, value, durable)),
      remove: (key, durable) => (check(), table.remove(key, durable)),
    };
  }
}

test("500 without a word about the cause, which is in the log; streams still get events", async () => {
  const { cloud, device } = setupCloud();
  const store = new FailingStore();
  const records = new DeviceRecords(store);
  const server = await RestServer.listen({ cloud, store, records }, { port: 0 });
  const { users, tokens, bus } = server.api;
  await users.set(USERNAME, PASSWORD);
  records.update(DEVICE_ID, { owner: USERNAME, notes: "before" });
  const { accessToken } = tokens.issue(USERNAME, "test", 0);
  const logged: string[] = [];
  cloud.on("log", ({ message }) => logged.push(message));
  const heard: string[] = [];
  bus.subscribe({ owner: USERNAME }, ({ name }) => heard.push(name));
  const request = async (
    method: string,
    path: string,
    json?: unknown,
  ): Promise<[number, unknown]> => {
    const headers = { authorization: `Bearer ${accessToken}`, "content-type": "application/json" };
    const init = { method, headers, body: json === undefined ? undefined : JSON.stringify(json) };
    const response = await fetch(server.url + path, init);
    return [response.status, await response.json()];
  };

  store.failing = true;
  const path = `/v1/devices/${DEVICE_ID}`;
  const refused = [500, { ok: false, error: "Internal error", reason: "internal" }];
  expect(await request("PUT", path, { notes: "after" })).toEqual(refused);
  expect(await request("DELETE", path)).toEqual(refused);
  expect(await request("POST", "/v1/webhooks", { event: "e", url: "http://x/" })).toEqual(refused);
  expect(await request("POST", "/v1/device_claims", {})).toEqual(refused);
  expect(logged.filter((message) => message.includes("ENOSPC")).length).toBeGreaterThan(0);
  expect(await request("GET", path)).toEqual([
    200,
    expect.objectContaining({ notes: "before", owner: USERNAME }),
  ]);
  expect((await request("GET", "/v1/webhooks"))[1]).toEqual([]);
  expect((await request("POST", "/v1/devices/events", { name: "e" }))[0]).toBe(200);
  device.handshake(cloud);
  device.talk(cloud, device.hello());
  expect(heard).toEqual(["e", "spark/status"]);

  store.failing = false;
  expect((await request("PUT", path, { notes: "after" }))[0]).toBe(200);
  await server.close();
});
