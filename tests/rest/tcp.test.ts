// A device on TCP behind the API, as `boson cloud --tcp-port` runs it: the core with RSA keys, the official client.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Particle from "particle-api-js";
import { Device, FileStorage, VariableType, loadModule } from "../../bindings/node";
import { provisionTcpDevice } from "../../cloud";
import { runCloud } from "../../cloud/rest/run";
import { projectRoot } from "../support/fixture";
import { PASSWORD, USERNAME } from "../support/rest-fixture";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-rest-tcp-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("is called, read, signalled and heard like any other", async () => {
  const data = path.join(folder, "cloud");
  const deviceDirectory = path.join(folder, "device");
  const { id } = await provisionTcpDevice({ cloudDirectory: data, deviceDirectory, name: "old" });
  const running = await runCloud({
    ...{ data, port: 0, tcpPort: 0, rest: { port: 0 } },
    ...{ firstUser: USERNAME, firstPassword: PASSWORD },
  });
  const device = new Device({
    module: loadModule(path.join(projectRoot, "build/boson-tcp.wasm")),
    storage: new FileStorage(deviceDirectory),
    deviceId: id,
    transport: "tcp",
    server: { host: "localhost", port: running.tcp!.address.port },
  });
  device.function("double", (argument) => 2 * Number(argument));
  device.variable("ratio", VariableType.Double, () => 21.5);
  const signalled = new Promise<boolean>((resolve) => device.on("signal", ({ on }) => resolve(on)));
  const described = new Promise<void>((resolve) => {
    running.cloud.on("device", ({ change }) => change === "describe" && resolve());
  });
  await device.connect();
  await described;

  const client = new Particle({ baseUrl: running.rest!.url });
  const { body } = await client.login({ username: USERNAME, password: PASSWORD });
  client.setDefaultAuth(body.access_token);
  expect((await client.getDevice({ deviceId: "old" })).body).toMatchObject({
    ...{ id, online: true, functions: ["double"], variables: { ratio: "double" } },
    last_ip_address: "127.0.0.1",
  });
  const call = await client.callFunction({ deviceId: id, name: "double", argument: "21" });
  expect(call.body.return_value).toBe(42);
  expect((await client.getVariable({ deviceId: id, name: "ratio" })).body.result).toBe(21.5);
  await client.signalDevice({ deviceId: id, signal: true });
  expect(await signalled).toBe(true);
  const heard = new Promise<string>((resolve) => {
    running.rest!.api.bus.subscribe({ owner: USERNAME, prefix: "temp" }, ({ data: text }) =>
      resolve(String(text)),
    );
  });
  await device.publish("temp", "21.5");
  expect(await heard).toBe("21.5");
  // Frames, as the traffic view has them: whole blocks after a length.
  const { traffic } = running.rest!.api;
  const frames = traffic.since(0).filter(({ transport }) => transport === "tcp");
  expect(frames.every(({ bytes, deviceId }) => bytes % 16 === 2 && deviceId === id)).toBe(true);
  const publish = frames.find(({ cause, direction }) => cause === "publish" && direction === "in")!;
  expect(publish.messages).toMatchObject([{ code: "0.02", path: "E/temp", payload: 4 }]);
  const causes = traffic.sumsOf(id).map(({ cause }) => cause);
  expect(causes).toEqual(expect.arrayContaining(["hello", "describe", "call", "read", "publish"]));
  device.stop();
  await running.close();
});
