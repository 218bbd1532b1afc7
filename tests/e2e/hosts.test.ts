// One module file for a transport, one script, every host: Node, WASM3 on Linux, and the emulated boards, against
// the local cloud over real UDP and TCP. All that is asked of a device is asked through its cloud.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  LocalCloud,
  TcpListener,
  UdpListener,
  openCloudDirectory,
  prepareTcp,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud";
import type { LocalCloudEvents } from "../../cloud/cloud-events";
import { boardTest } from "../support/mcu-build";
import { nativeTest } from "../support/native-build";
import { BoardHost, type Host, MODULES, NativeHost, NodeHost, type Transport } from "./hosts";

const PATIENCE = 30_000;

const native = nativeTest("boson-run");
const boards = boardTest();

/** The hosts by transport, with the `test` that says whether they are here. */
const HOSTS: [Transport, string, jest.It, () => Host][] = [
  ["udp", "Node", test, () => new NodeHost()],
  ["udp", "WASM3 on Linux", native, () => new NativeHost()],
  ["udp", "the emulated Electron", boards, () => new BoardHost("electron")],
  ["udp", "the emulated Argon", boards, () => new BoardHost("argon")],
  ["udp", "the emulated Boron", boards, () => new BoardHost("boron")],
  ["udp", "the emulated Photon 2", boards, () => new BoardHost("photon2")],
  ["tcp", "Node", test, () => new NodeHost()],
  ["tcp", "WASM3 on Linux", native, () => new NativeHost()],
  ["tcp", "the emulated Argon", boards, () => new BoardHost("argon")],
];

const hashOf = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12);
const NAMED = HOSTS.map(
  ([transport, ...host]) => [transport, hashOf(MODULES[transport]), ...host] as const,
);

describe.each(NAMED)("over %s, module %s on %s", (transport, _hash, _name, maybe, makeHost) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-hosts-"));
  const directories = {
    cloudDirectory: path.join(folder, "cloud"),
    deviceDirectory: path.join(folder, "device"),
  };
  const host = makeHost();
  const lines: string[] = [];
  let handshakes = 0;
  let cloud: LocalCloud;
  let listener: UdpListener | TcpListener;
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
    await prepareTcp(directories.cloudDirectory);
    const provision = transport === "tcp" ? provisionTcpDevice : provisionDevice;
    id = (await provision(directories)).id;
    cloud = new LocalCloud(openCloudDirectory(directories.cloudDirectory));
    listener = await (transport === "tcp" ? TcpListener : UdpListener).listen(cloud, { port: 0 });
    cloud.on("device", ({ change }) => {
      if (change === "session") handshakes += 1;
    });
    cloud.on("event", ({ name, data }) => {
      if (name === "line") lines.push(data.toString());
    });
    const described = next("device", ({ change }) => change === "describe");
    const subscribed = next("device", ({ change }) => change === "subscriptions");
    const { port } = listener.address;
    await host.start({ deviceId: id, folder: directories.deviceDirectory, port, transport });
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

  maybe("takes events, pings and signals", async () => {
    const delivered =
      transport === "udp" ? next("delivery", ({ name }) => name === "command/led") : undefined;
    expect(cloud.publish("command/led", "on")).toBe(1);
    // Over TCP events are not acknowledged.
    if (delivered) expect(await delivered).toMatchObject({ delivery: "acknowledged" });
    expect(await cloud.ping(id)).toBeGreaterThanOrEqual(0);
    await cloud.signal(id, true);
  });

  maybe("after a reset goes on: over UDP without a handshake", async () => {
    const session = cloud.device(id).session?.connectionId;
    await host.reset();
    const arrived = line("again");
    host.publish("again");
    await arrived;
    expect(await cloud.call(id, "double", "4")).toBe(8);
    expect(await cloud.read(id, "lines")).toBe(1);
    if (transport === "udp") expect(cloud.device(id).session?.connectionId).toEqual(session);
    expect(handshakes).toBe(transport === "udp" ? 1 : 2);
    expect(lines).toEqual(["grüezi", "again"]);
  });

  maybe("says goodbye", async () => {
    const goodbye = next("goodbye", ({ deviceId }) => deviceId === id);
    await host.goodbye();
    await goodbye;
  });
});
