// particle-cli, the official command line, unmodified, against this cloud and a device with the real core.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VariableType } from "../../bindings/node";
import type { Device } from "../../bindings/node";
import { FlashDevice } from "../support/flash-device";
import { fileOf } from "../support/flash-world";
import { PASSWORD, RestFixture, USERNAME } from "../support/rest-fixture";
import { ParticleCli, hasParticleCli } from "./particle-cli";
import type { CliResult } from "./particle-cli";

(hasParticleCli() ? describe : describe.skip)("particle-cli", () => {
  const fixture = new RestFixture();
  let cli: ParticleCli;
  let device: Device;
  let id: string;
  const signals: boolean[] = [];

  beforeAll(async () => {
    await fixture.start();
    const home = path.join(fixture.folder, "home");
    mkdirSync(home);
    cli = new ParticleCli(home);
    id = fixture.provision("kitchen", USERNAME);
    device = fixture.device("kitchen", id);
    device.function("double", (argument) => 2 * Number(argument));
    device.variable("ratio", VariableType.Double, () => 21.5);
    device.on("signal", ({ on }) => signals.push(on));
    const described = fixture.described(id);
    await device.connect();
    await described;
    await good("profile", "switch", "local");
    await good("profile", "set", "apiUrl", fixture.server.url);
  });
  afterAll(() => fixture.stop());

  /** A command that must succeed. @returns what it printed */
  async function good(...args: string[]): Promise<string> {
    const result = await cli.run(...args);
    if (result.exitCode !== 0) throw new Error(`${args.join(" ")}: ${result.output}`);
    return result.output;
  }

  const login = (password: string): Promise<CliResult> =>
    cli.run("login", "--username", USERNAME, "--password", password);

  test("login and whoami", async () => {
    const wrong = await login("a wrong password");
    expect(wrong.exitCode).not.toBe(0);
    expect((await login(PASSWORD)).exitCode).toBe(0);
    expect(await good("whoami")).toContain(USERNAME);
  });

  test("list, with functions and variables", async () => {
    const output = await good("list");
    for (const text of ["kitchen", id, "online", "ratio (double)", "int double"]) {
      expect(output).toContain(text);
    }
    expect(await good("function", "list")).toContain("double");
    expect(await good("variable", "list")).toContain("ratio");
  });

  test("call and get", async () => {
    expect((await good("call", "kitchen", "double", "21")).trim()).toMatch(/\b42$/);
    expect(await good("get", "kitchen", "ratio")).toContain("21.5");
    const none = await cli.run("call", "kitchen", "nothing");
    expect(none.exitCode).not.toBe(0);
    expect(none.output).toContain("Function `nothing` not found");
  });

  test("publish and subscribe", async () => {
    const heard = new Promise<string>((resolve) => {
      device.subscribe("from/cli", (name, data) => {
        resolve(`${name} ${Buffer.from(data).toString()}`);
      });
    });
    await good("call", "kitchen", "double", "1");
    await good("publish", "from/cli", "hello");
    expect(await heard).toBe("from/cli hello");
    const subscribing = cli.run("subscribe", "temp", "--max", "1");
    let ended = false;
    void subscribing.then(() => (ended = true));
    while (!ended) {
      await device.publish("temp", "21.5");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { output } = await subscribing;
    expect(output).toContain('"data":"21.5"');
    expect(output).toContain(`"coreid":"${id}"`);
  });

  test("rename, add, remove, nyan", async () => {
    await good("device", "rename", "kitchen", "galley");
    expect(fixture.cloud.device(id).name).toBe("galley");
    const other = fixture.provision("garage");
    await good("device", "add", other);
    expect(fixture.server.api.records.ownerOf(other)).toBe(USERNAME);
    await good("device", "remove", other, "--yes");
    expect(fixture.server.api.records.ownerOf(other)).toBeUndefined();
    await good("nyan", id, "on");
    await good("nyan", id, "off");
    expect(signals).toEqual([true, false]);
  });

  test("keys send", async () => {
    const fresh = fixture.provision("fresh", USERNAME);
    const key = path.join(fixture.folder, "fresh", "device-public-key.der");
    const before = fixture.cloud.registry.find(fresh)?.publicKey;
    fixture.cloud.registry.register({ id: fresh });
    await good("keys", "send", fresh, key);
    expect(fixture.cloud.registry.find(fresh)?.publicKey).toEqual(before);
  });

  test("webhook create, list, delete", async () => {
    const file = path.join(fixture.folder, "hook.json");
    const hook = { event: "hooked", url: "http://127.0.0.1:1/", requestType: "POST" };
    writeFileSync(file, JSON.stringify(hook));
    await good("webhook", "create", file);
    const [{ id: hookId }] = fixture.server.api.webhooks.list(USERNAME);
    expect(await good("webhook", "list")).toContain(hookId);
    await good("webhook", "delete", hookId);
    expect(fixture.server.api.webhooks.list(USERNAME)).toEqual([]);
  });

  test("flash --cloud", async () => {
    const flashed = fixture.provision("flashed", USERNAME);
    const scripted = new FlashDevice(fixture.devicePort, path.join(fixture.folder, "flashed"));
    await scripted.connect();
    const file = path.join(fixture.folder, "firmware.bin");
    const content = fileOf(30_000);
    writeFileSync(file, content);
    const done = new Promise<void>((resolve) => {
      fixture.cloud.on("update", ({ state }) => state === "done" && resolve());
    });
    expect(await good("flash", "--cloud", flashed, file)).toContain("Flash success!");
    await done;
    expect(scripted.receiver.accepted?.equals(content)).toBe(true);
    scripted.close();
    const away = fixture.provision("away", USERNAME);
    const refused = await cli.run("flash", "--cloud", away, file);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain("The device is not online");
  });

  test("logout", async () => {
    await good("logout");
    expect((await cli.run("list")).exitCode).not.toBe(0);
  });
});
