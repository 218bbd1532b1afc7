// One module file, one script, every host: Node, WASM3 on Linux, and the emulated boards, against
// the local cloud over real UDP. All that is asked of a device is asked through its cloud.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import type { LocalCloudEvents } from "../../cloud/cloud-events";
import { boardTest } from "../support/mcu-build";
import { nativeTest } from "../support/native-build";
import { BoardHost, type Host, MODULE, NativeHost, NodeHost } from "./hosts";

const PATIENCE = 30_000;

const native = nativeTest("boson-run");
const boards = boardTest();

/** The hosts, with the `test` that says whether they are here. */
const HOSTS: [string, jest.It, () => Host][] = [
  ["Node", test, () => new NodeHost()],
  ["WASM3 on Linux", native, () => new NativeHost()],
  ["the emulated Electron", boards, () => new BoardHost("electron")],
  ["the emulated Argon", boards, () => new BoardHost("argon")],
  ["the emulated Boron", boards, () => new BoardHost("boron")],
  ["the emulated Photon 2", boards, () => new BoardHost("photon2")],
];

const sha256 = createHash("sha256").update(readFileSync(MODULE)).digest("hex");

describe.each(HOSTS)(`module ${sha256.slice(0, 12)} on %s`, (_name, maybe, makeHost) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-hosts-"));
  const directories = {
    cloudDirectory: path.join(folder, "cloud"),
    deviceDirectory: path.join(folder, "device"),
  };
  const host = makeHost();
  const lines: string[] = [];
  let handshakes = 0;
  let cloud: LocalCloud;
  let listener: UdpListener;
  let id: string;

  /** The next event of the cloud that fits. */
  function next<K extends keyof LocalCloudEvents>(
    kind: K,
    fits: (event: LocalCloudEvents[K][0]) => boolean,
  ): Promise<LocalCloudEvents[K][0]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${kind}`)), PATIENCE);
      const look = (event: LocalCloudEvents[K][0]): void => {
        if (!fits(event)) return;
        clearTimeout(timer);
        cloud.off(kind, look as never);
        resolve(event);
      };
      cloud.on(kind, look as never);
    });
  }

  const line = (text: string): Promise<unknown> =>
    next("event", ({ name, data }) => name === "line" && data.toString() === text);

  afterAll(async () => {
    await host.stop();
    await listener?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  maybe("connects by a full handshake", async () => {
    id = provisionDevice(directories).id;
    cloud = new LocalCloud(openCloudDirectory(directories.cloudDirectory));
    listener = await UdpListener.listen(cloud, { port: 0 });
    cloud.on("device", ({ change }) => {
      if (change === "session") handshakes += 1;
    });
    cloud.on("event", ({ name, data }) => {
      if (name === "line") lines.push(data.toString());
    });
    const described = next("device", ({ change }) => change === "describe");
    const subscribed = next("device", ({ change }) => change === "subscriptions");
    await host.start({
      deviceId: id,
      folder: directories.deviceDirectory,
      port: listener.address.port,
    });
    await Promise.all([described, subscribed]);
    expect(handshakes).toBe(1);
  });

  maybe("publishes, once", async () => {
    const arrived = line("grüezi");
    host.publish("grüezi");
    await arrived;
    expect(lines).toEqual(["grüezi"]);
  });

  maybe("answers functions and variables", async () => {
    expect(await cloud.call(id, "double", "21")).toBe(42);
    expect(await cloud.call(id, "double", "-5")).toBe(-10);
    await expect(cloud.call(id, "double", "x")).rejects.toMatchObject({ code: "rejected" });
    await expect(cloud.call(id, "triple", "1")).rejects.toMatchObject({
      code: "function-not-found",
    });
    expect(await cloud.read(id, "lines")).toBe(1);
  });

  maybe("acknowledges events, pings and signals", async () => {
    const delivered = next("delivery", ({ name }) => name === "command/led");
    expect(cloud.publish("command/led", "on")).toBe(1);
    expect(await delivered).toMatchObject({ delivery: "acknowledged" });
    expect(await cloud.ping(id)).toBeGreaterThanOrEqual(0);
    await cloud.signal(id, true);
  });

  maybe("after a reset goes on without a handshake", async () => {
    const session = cloud.device(id).session?.connectionId;
    await host.reset();
    const arrived = line("again");
    host.publish("again");
    await arrived;
    expect(await cloud.call(id, "double", "4")).toBe(8);
    expect(await cloud.read(id, "lines")).toBe(1);
    expect(cloud.device(id).session?.connectionId).toEqual(session);
    expect(handshakes).toBe(1);
    expect(lines).toEqual(["grüezi", "again"]);
  });

  maybe("says goodbye", async () => {
    const goodbye = next("goodbye", ({ deviceId }) => deviceId === id);
    await host.goodbye();
    await goodbye;
  });
});
