// boson-run, a device on WASM3, against the local cloud over real TCP.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  LocalCloud,
  TcpListener,
  openCloudDirectory,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud";
import { Run, within } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { buildNative, nativeTest } from "../support/native-build";

const nativeOnly = nativeTest("boson-run");
const MODULE = path.join(projectRoot, "build/boson-tcp.wasm");

const folder = mkdtempSync(path.join(tmpdir(), "wboson-native-tcp-"));
const cloudDirectory = path.join(folder, "cloud");
const deviceDirectory = path.join(folder, "device");
const runs: Run[] = [];
let program: string;
let id: string;
let cloud: LocalCloud;
let listener: TcpListener;

beforeAll(async () => {
  ({ id } = await provisionTcpDevice({ cloudDirectory, deviceDirectory }));
  cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
  listener = await TcpListener.listen(cloud, { port: 0 });
});

afterAll(async () => {
  for (const { child } of runs) child.kill("SIGKILL");
  await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(port: number, storage = deviceDirectory, ...flags: string[]): Run {
  const options = ["--module", MODULE, "--storage", storage, "--transport", "tcp"];
  const run = new Run(program, [...options, "--server", `localhost:${port}`, ...flags]);
  runs.push(run);
  return run;
}

function change(wanted: string): Promise<void> {
  return within(wanted, (resolve) => {
    cloud.on("device", (event) => event.change === wanted && resolve());
  });
}

function event(name: string, data?: string): Promise<string> {
  return within(`event ${name}`, (resolve) => {
    cloud.on("event", (published) => {
      const text = published.data.toString();
      if (published.name === name && (data === undefined || data === text)) resolve(text);
    });
  });
}

let device: Run;

nativeOnly("connects, describes itself and subscribes", async () => {
  program = await buildNative("boson-run", { sanitize: true });
  const [described, subscribed] = [change("describe"), change("subscriptions")];
  device = start(listener.address.port, deviceDirectory, "--statistics");
  await device.prints(/connection Connected HandshakeDone/);
  await Promise.all([described, subscribed]);
});

nativeOnly("publishes, calls, reads, events, signal, ping", async () => {
  const line = event("line");
  device.child.stdin!.write("first line\n");
  expect(await line).toBe("first line");
  await device.prints(/published 1 Ok/);
  expect(await cloud.call(id, "double", "21")).toBe(42);
  await expect(cloud.call(id, "double", "none")).rejects.toMatchObject({ code: "rejected" });
  expect(await cloud.read(id, "lines")).toBe(1);
  cloud.publish("command/led", "on");
  await device.prints(/event command\/led 0 on/);
  await cloud.signal(id, true);
  await device.prints(/signal on/);
  expect(await cloud.ping(id)).toBeGreaterThanOrEqual(0);
});

nativeOnly("a burst of events and of lines arrives whole and in order", async () => {
  const last = event("line", "line 39");
  for (let i = 0; i < 20; i++) cloud.publish(`command/${i}`, "x".repeat(i * 30));
  for (let i = 0; i < 40; i++) {
    device.child.stdin!.write(`line ${i}\n`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await last;
  await device.prints(/event command\/19 0 x{570}\n/);
  const names = [...device.output.matchAll(/^event command\/(\d+) /gm)].map(([, n]) => Number(n));
  expect(names).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

nativeOnly("goes on by a handshake when the connection breaks", async () => {
  const connected = change("online").catch(() => undefined);
  await cloud.rekey(id).catch(() => undefined);
  await device.prints(/HandshakeBecauseKeyChange[^]*connection Connected HandshakeDone/);
  await connected;
});

nativeOnly("says goodbye at SIGINT", async () => {
  const goodbye = within("goodbye", (resolve) => cloud.once("goodbye", resolve));
  expect(await device.end("SIGINT")).toBe(0);
  await goodbye;
  const [, figures] = await device.prints(/statistics (\{.*\})/);
  expect(JSON.parse(figures)).toMatchObject({ linearMemory: 65536 });
});

/** Passes the stream on in single bytes, with a pause after some of them. */
async function startTrickle(to: number): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    const trickle = (from: typeof client, into: typeof client): void => {
      from.on("data", (bytes) => {
        for (const byte of bytes) into.write(Uint8Array.of(byte));
      });
      from.on("error", () => into.destroy());
      from.on("close", () => into.destroy());
    };
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    trickle(client, upstream);
    trickle(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

nativeOnly("a stream in single bytes", async () => {
  const trickle = await startTrickle(listener.address.port);
  const slow = start((trickle.address() as AddressInfo).port);
  await slow.prints(/connection Connected HandshakeDone/);
  const line = event("line", "drop by drop");
  slow.child.stdin!.write("drop by drop\n");
  await line;
  await slow.end("SIGINT");
  trickle.close();
});

nativeOnly("a socket that takes few bytes at a time, and often none", async () => {
  const library = path.join(folder, "short-send.so");
  const source = path.join(__dirname, "short_send.c");
  const compiler = process.env.CC ?? "cc";
  execFileSync(compiler, ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
  const options = ["--module", MODULE, "--storage", deviceDirectory, "--transport", "tcp"];
  options.push("--server", `localhost:${listener.address.port}`);
  const run = new Run(await buildNative("boson-run"), options, { LD_PRELOAD: library });
  runs.push(run);
  await run.prints(/connection Connected HandshakeDone/);
  const lines: string[] = [];
  const all = within("all lines", (resolve) => {
    cloud.on("event", ({ name, data }) => {
      if (name === "line" && lines.push(data.toString()) === 30) resolve(undefined);
    });
  });
  const sent = Array.from({ length: 30 }, (_, i) => `${i} ${"y".repeat(20 * i)}`);
  for (const [i, text] of sent.entries()) {
    run.child.stdin!.write(`${text}\n`);
    await run.prints(new RegExp(`published ${i + 1} Ok`));
  }
  await all;
  expect(lines).toEqual(sent);
  await run.end("SIGINT");
});

nativeOnly("a server that nobody listens at, or that is silent", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const waits = start(port);
  await waits.prints(/connection Handshake HandshakeBecauseNoSession/);
  await waits.end("SIGKILL");
  await new Promise((resolve) => silent.close(resolve));
  const refused = start(port);
  await refused.prints(/connection Disconnected LinkLost/);
  await refused.end("SIGKILL");
});

nativeOnly("keys of the other transport, and a module without TCP", async () => {
  const other = path.join(folder, "other");
  provisionDevice({ cloudDirectory, deviceDirectory: other });
  const wrong = start(listener.address.port, other);
  await wrong.prints(/boson-run: WrongKeyType/);
  const plain = path.join(projectRoot, "build/boson.wasm");
  const options = ["--module", plain, "--storage", deviceDirectory, "--transport", "tcp"];
  const without = new Run(program, [...options, "--server", "localhost:1"]);
  runs.push(without);
  await without.prints(/boson-run: NotSupported/);
});
