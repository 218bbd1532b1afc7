// The firmware of a board as a Linux program, over a Device OS that is played, against the local cloud.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { provisionUpdateKeys } from "../../cloud/provision";
import { buildApplicationModule } from "../../tools/application/build";
import { encodePinnedKeys, signApplication } from "../../tools/application/sign";
import { projectRoot } from "../support/fixture";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { buildPlayed, playedTest } from "./played";

const played = playedTest();
const PATIENCE = 20_000;
const EVERYTHING = /^src\/.*\.(c|cpp)$/;

/** What the application logs of a connection: state 5 is connected; the reasons of assembly/events.ts. */
const CONNECTED_BY_HANDSHAKE = /connection: state 5, reason 12, status 0/;
const CONNECTED_BY_SESSION = /connection: state 5, reason 2, status 0/;

class Bench {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-application-"));
  readonly files = path.join(this.folder, "files");
  id!: string;
  cloud!: LocalCloud;
  listener!: UdpListener;
  program!: string;
  child?: ChildProcess;
  output = "";

  constructor(readonly board: string) {}

  /** Start a cloud, and build a firmware that has its keys. */
  async start(replace: Record<string, string>, parameters: string[] = []): Promise<void> {
    const keys = path.join(this.folder, "device");
    const cloudDirectory = path.join(this.folder, "cloud");
    this.id = provisionDevice({ cloudDirectory, deviceDirectory: keys }).id;
    provisionUpdateKeys(keys, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
    this.cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
    this.listener = await UdpListener.listen(this.cloud, { port: 0 });
    mkdirSync(this.files);
    const project = {
      out: path.join(this.folder, "project"),
      board: this.board,
      replace: {
        "WBOSON_UDP_PORT 5684": `WBOSON_UDP_PORT ${this.listener.address.port}`,
        ...replace,
      },
      parameters: ["--server", "localhost", "--keys", keys, ...parameters],
    };
    this.program = await buildPlayed(project, EVERYTHING, []);
  }

  run(): void {
    this.output = "";
    this.child = spawn(this.program, [this.files], {
      env: { ...process.env, FAKE_DEVICE_ID: this.id },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  async prints(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!pattern.test(this.output)) {
      if (Date.now() > deadline) throw new Error(`no ${pattern} in ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The next event of the cloud by this name. */
  event(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no event ${name} in ${this.output}`)),
        PATIENCE,
      );
      this.cloud.on("event", (event) => {
        if (event.name !== name) return;
        clearTimeout(timer);
        resolve(event.data.toString());
      });
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.listener?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A life: handshake, calls, a power cut or reset, a network that goes and comes. */
function live(board: string, replace: (bench: Bench) => Record<string, string>): void {
  describe(`firmware of the ${board}`, () => {
    const bench = new Bench(board);
    afterAll(() => bench.stop());

    played("connects by a handshake and publishes", async () => {
      await bench.start(replace(bench));
      const event = bench.event("uptime");
      bench.run();
      await bench.prints(CONNECTED_BY_HANDSHAKE);
      expect(await event).toMatch(/^\d+$/);
    });

    played("has a function and a variable", async () => {
      expect(await bench.cloud.call(bench.id, "led", "on")).toBe(1);
      await bench.prints(/pin 7: 1/);
      expect(await bench.cloud.call(bench.id, "led", "off")).toBe(0);
      expect(await bench.cloud.read(bench.id, "uptime")).toBeGreaterThan(0);
    });

    played("reset, goes on without a handshake", async () => {
      await bench.kill();
      const event = bench.event("uptime");
      bench.run();
      await bench.prints(CONNECTED_BY_SESSION);
      await event;
      expect(bench.output).not.toMatch(CONNECTED_BY_HANDSHAKE);
    });

    played("a network that was away is no reason for a handshake", async () => {
      const mark = path.join(bench.files, "network-down");
      bench.output = "";
      writeFileSync(mark, "");
      await bench.prints(/connection: state 0, /);
      rmSync(mark);
      await bench.prints(CONNECTED_BY_SESSION);
      expect(await bench.cloud.call(bench.id, "led", "on")).toBe(1);
      expect(bench.output).not.toMatch(/runtime error|Sanitizer/);
    });
  });
}

const inFolder = (bench: Bench): Record<string, string> => ({
  '"/usr/wboson"': JSON.stringify(path.join(bench.folder, "flash")),
});
live("argon", inFolder);
live("photon2", inFolder);
live("electron", () => ({}));

describe("firmware with an application in its module", () => {
  const bench = new Bench("argon");
  afterAll(() => bench.stop());

  played("lets that application run", async () => {
    const application = ["--application", "examples/sensor/main.ts", "--runtime", "minimal"];
    const memory = ["--memory", "32768"];
    await bench.start(inFolder(bench), [...application, ...memory]);
    const event = bench.event("temp");
    bench.run();
    expect(JSON.parse(await event)).toEqual({ tenths: 207 });
    expect(await bench.cloud.read(bench.id, "reading")).toBe(207);
    await expect(bench.cloud.read(bench.id, "uptime")).rejects.toThrow();
  });
});

describe("firmware that takes updates", () => {
  const bench = new Bench("argon");
  afterAll(() => bench.stop());

  played("runs an application that came over the air, also after a reset", async () => {
    // The clock of a busy machine is no judge of an application.
    const patient = { "APPLICATION_TIME_MS 250u": "APPLICATION_TIME_MS 20000u" };
    await bench.start({ ...inFolder(bench), ...patient }, ["--updates"]);
    bench.run();
    await bench.prints(CONNECTED_BY_HANDSHAKE);
    const entry = path.join(projectRoot, "examples/sensor/main.ts");
    const { module } = await buildApplicationModule(entry, { memory: 8192 });
    const event = bench.event("temp");
    await bench.cloud.flash(
      bench.id,
      signApplication(module, TEST_UPDATE_KEY, { version: 1, boards: [12] }),
    );
    expect(JSON.parse(await event)).toEqual({ tenths: 207 });
    expect(await bench.cloud.call(bench.id, "led", "on")).toBe(1);
    await bench.kill();
    const again = bench.event("temp");
    bench.run();
    expect(JSON.parse(await again)).toEqual({ tenths: 207 });
    await bench.prints(CONNECTED_BY_SESSION);
    expect(bench.output).not.toMatch(/runtime error|Sanitizer/);
  });
});
