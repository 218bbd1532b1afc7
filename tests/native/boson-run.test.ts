// boson-run, a device on WASM3, against the local cloud over real UDP: a drop-in for the Node device.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { generateKeyPair } from "../../cloud/keys";
import { Run, within } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { buildNative, nativeTest } from "../support/native-build";

const run = promisify(execFile);
const nativeOnly = nativeTest("boson-run");

const CORE = path.join(projectRoot, "build/boson.wasm");

/** A folder with a cloud and one provisioned device, and the processes that run it. */
class Bench {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-native-"));
  readonly device = path.join(this.folder, "device");
  readonly processes: Run[] = [];
  readonly cloudFolder = path.join(this.folder, "cloud");
  id!: string;
  cloud!: LocalCloud;
  listener!: UdpListener;

  async start(): Promise<void> {
    const directories = { cloudDirectory: this.cloudFolder, deviceDirectory: this.device };
    this.id = provisionDevice(directories).id;
    this.cloud = new LocalCloud(openCloudDirectory(this.cloudFolder));
    this.listener = await UdpListener.listen(this.cloud, { port: 0 });
  }

  run(program: string, module: string, ...flags: string[]): Run {
    const server = `localhost:${this.listener.address.port}`;
    const options = ["--module", module, "--storage", this.device, "--server", server];
    const started = new Run(program, [...options, ...flags]);
    this.processes.push(started);
    return started;
  }

  /** The next event of the cloud that fits. */
  event(name: string): Promise<string> {
    return within(`event ${name}`, (resolve) => {
      this.cloud.on("event", (event) => event.name === name && resolve(event.data.toString()));
    });
  }

  change(wanted: string): Promise<void> {
    return within(wanted, (resolve) => {
      this.cloud.on("device", ({ change }) => change === wanted && resolve());
    });
  }

  async stop(): Promise<void> {
    for (const { child } of this.processes) child.kill("SIGKILL");
    await this.listener?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe("an application on boson-run", () => {
  const bench = new Bench();
  let program: string;
  let module: string;
  let device: Run;

  async function prepare(): Promise<void> {
    module = path.join("build", "tests", "native-sensor.wasm");
    const build = ["tools/build.mjs", "--application", "examples/sensor/main.ts"];
    await run(process.execPath, [...build, "--out", module, "--runtime", "minimal"], {
      cwd: projectRoot,
    });
    module = path.join(projectRoot, module);
    program = await buildNative("boson-run");
    await bench.start();
  }
  afterAll(() => bench.stop());

  nativeOnly("connects by a handshake and publishes", async () => {
    await prepare();
    const event = bench.event("temp");
    const subscribed = bench.change("subscriptions");
    device = bench.run(program, module);
    await device.prints(/connection Connected HandshakeDone Ok/);
    expect(JSON.parse(await event)).toEqual({ tenths: 207 });
    await subscribed;
  });

  nativeOnly("answers functions and variables", async () => {
    expect(await bench.cloud.call(bench.id, "interval", "60")).toBe(60);
    expect(await bench.cloud.call(bench.id, "interval", "0")).toBe(-1);
    expect(await bench.cloud.read(bench.id, "reading")).toBe(207);
    await device.prints(/interval is now 60 s/);
  });

  nativeOnly("receives events and answers them", async () => {
    const answer = bench.event("ack");
    expect(bench.cloud.publish("command/led", "on")).toBe(1);
    expect(await answer).toBe("on");
    await device.prints(/received command\/led: on/);
  });

  nativeOnly("answers ping and signal", async () => {
    expect(await bench.cloud.ping(bench.id)).toBeGreaterThanOrEqual(0);
    await bench.cloud.signal(bench.id, true);
    await device.prints(/signal on/);
  });

  nativeOnly("killed and started again, goes on without a handshake", async () => {
    await device.end("SIGKILL");
    const session = bench.cloud.device(bench.id).session;
    const event = bench.event("temp");
    device = bench.run(program, module);
    await device.prints(/connection Connected SessionResumed Ok/);
    await event;
    expect(device.output).not.toContain("Handshake");
    expect(bench.cloud.device(bench.id).session?.connectionId).toEqual(session?.connectionId);
    expect(await bench.cloud.call(bench.id, "interval", "30")).toBe(30);
  });

  nativeOnly("a cloud that asks for new keys gets them", async () => {
    await bench.cloud.rekey(bench.id);
    await device.prints(/HandshakeBecauseKeyChange[^]*connection Connected HandshakeDone Ok/);
  });

  nativeOnly("says goodbye when it is asked to end", async () => {
    const goodbye = within("goodbye", (resolve) => bench.cloud.once("goodbye", resolve));
    expect(await device.end("SIGTERM")).toBe(0);
    expect(await goodbye).toMatchObject({ deviceId: bench.id });
  });
});

describe("the core alone on boson-run", () => {
  const bench = new Bench();
  let program: string;
  let device: Run;
  afterAll(() => bench.stop());

  nativeOnly("publishes what stdin says, with sanitizers on", async () => {
    program = await buildNative("boson-run", { sanitize: true });
    await bench.start();
    const subscribed = bench.change("subscriptions");
    device = bench.run(program, CORE, "--statistics");
    await device.prints(/connection Connected HandshakeDone Ok/);
    await subscribed;
    const event = bench.event("line");
    device.child.stdin!.write("grüezi\n");
    expect(await event).toBe("grüezi");
    await device.prints(/published 1 Ok/);
  });

  nativeOnly("calls the handlers of boson.h", async () => {
    expect(await bench.cloud.call(bench.id, "double", "-21")).toBe(-42);
    await expect(bench.cloud.call(bench.id, "double", "x")).rejects.toMatchObject({
      code: "rejected",
    });
    expect(await bench.cloud.read(bench.id, "lines")).toBe(1);
    bench.cloud.publish("command/x", "y");
    await device.prints(/event command\/x 0 y/);
  });

  nativeOnly("prints its figures, and frees everything", async () => {
    expect(await device.end("SIGINT")).toBe(0);
    const [, figures] = /statistics (.*)/.exec(device.output)!;
    const { heapPeak, linearMemory, datagramsSent } = JSON.parse(figures) as Record<string, number>;
    expect(heapPeak).toBeGreaterThan(linearMemory);
    expect(datagramsSent).toBeGreaterThan(5);
    expect(device.output).not.toMatch(/runtime error|Sanitizer/);
  });

  nativeOnly("takes up the session with less linear memory", async () => {
    device = bench.run(program, CORE, "--memory", "16384");
    device.child.stdin!.end("first\nsecond");
    await device.prints(/connection Connected SessionResumed Ok/);
    await device.prints(/published 2 Ok/);
    expect(await device.end("SIGTERM")).toBe(0);
  });

  nativeOnly("lets go of compiled code between calls, in a handshake and after it", async () => {
    const event = bench.event("line");
    for (const slot of ["session-a.bin", "session-b.bin"]) {
      rmSync(path.join(bench.device, slot), { force: true });
    }
    device = bench.run(program, CORE, "--code", "1", "--statistics");
    await device.prints(/connection Connected HandshakeDone Ok/);
    device.child.stdin!.write("little room\n");
    expect(await event).toBe("little room");
    expect(await bench.cloud.call(bench.id, "double", "4")).toBe(8);
    expect(await device.end("SIGTERM")).toBe(0);
    const [, figures] = /statistics (.*)/.exec(device.output)!;
    const { heapPeak, heapNow } = JSON.parse(figures) as Record<string, number>;
    expect(heapNow).toBeLessThan(0.7 * heapPeak);
    expect(device.output).not.toMatch(/runtime error|Sanitizer/);
  });

  nativeOnly("outlives a cloud that is away for a while", async () => {
    device = bench.run(program, CORE);
    await device.prints(/connection Connected SessionResumed Ok/);
    const { port } = bench.listener.address;
    await bench.listener.close();
    device.child.stdin!.write("while it is away\n");
    await new Promise((resolve) => setTimeout(resolve, 500));
    bench.cloud = new LocalCloud(openCloudDirectory(bench.cloudFolder));
    const event = bench.event("line");
    bench.listener = await UdpListener.listen(bench.cloud, { port });
    expect(await event).toBe("while it is away");
    expect(device.output).not.toContain("Handshake");
  });

  nativeOnly("follows a server that moves, if that is signed", async () => {
    const to = new Bench();
    await to.start();
    const signer = generateKeyPair();
    const read = (file: string): Buffer => readFileSync(file);
    writeFileSync(path.join(bench.device, "server-move-key.der"), signer.spki);
    await device.end("SIGTERM");
    device = bench.run(program, CORE);
    await device.prints(/connection Connected SessionResumed Ok/);
    const publicKey = read(path.join(bench.device, "device-public-key.der"));
    to.cloud.registry.register({ id: bench.id, publicKey });
    const arrived = to.event("line");
    const { port } = to.listener.address;
    await bench.cloud.moveServer(bench.id, {
      host: "127.0.0.1",
      port,
      publicKey: read(path.join(to.cloudFolder, "server-public-key.der")),
      signingKey: signer.privateKey,
    });
    device.child.stdin!.write("now there\n");
    expect(await arrived).toBe("now there");
    await device.end("SIGKILL");
    await to.stop();
  });

  nativeOnly("names what is wrong with its arguments", async () => {
    const wrong = async (...options: string[]): Promise<{ code: number; stderr: string }> =>
      run(program, options).then(
        () => ({ code: 0, stderr: "" }),
        (error: { code: number; stderr: string }) => error,
      );
    const good = ["--module", CORE, "--storage", bench.device, "--server", "localhost:1"];
    expect(await wrong()).toMatchObject({ code: 2 });
    expect(await wrong(...good, "--device-id", "xyz")).toMatchObject({ code: 2 });
    expect(await wrong(...good, "--memory", "1000")).toMatchObject({ code: 3 });
    expect(await wrong(...good, "--heap", "90000")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("NoMemory") as string,
    });
    expect(await wrong(...good, "--module", "/nowhere")).toMatchObject({ code: 1 });
    expect(
      await wrong(
        ...good,
        "--storage",
        path.join(bench.folder, "empty"),
        "--device-id",
        "0".repeat(24),
      ),
    ).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Invalid(Private|Public)Key/) as string,
    });
  });
});
