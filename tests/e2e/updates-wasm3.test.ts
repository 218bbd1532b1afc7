// One script of updates, every host of WASM3: boson-run, and the emulated boards that have room for an
// application. Flash version 1, version 2, one that traps: the second comes back; a reset; over real UDP.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { provisionUpdateKeys } from "../../cloud/provision";
import { Status, StorageSlot } from "../../bindings/node";
import { buildApplicationModule } from "../../tools/application/build";
import { meterModule } from "../../tools/application/meter";
import { encodePinnedKeys, signApplication, signFirmware } from "../../tools/application/sign";
import { EmulatedBoard } from "../mcu/emulator";
import { assemble } from "../support/assemble";
import { Run } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { hostileApplications } from "../support/hostile-applications";
import { boardTest, buildImage } from "../support/mcu-build";
import { buildNative, nativeTest } from "../support/native-build";
import { TEST_UPDATE_KEY } from "../support/update-key";

const PATIENCE = 60_000;
const CORE = path.join(projectRoot, "build/boson-ota.wasm");
/** Linear memory of the applications, as the emulated Argon gives it. */
const MEMORY = 8192;

const native = nativeTest("boson-run");
const boards = boardTest();

interface Place {
  deviceId: string;
  folder: string;
  port: number;
}

/** A device that runs applications beside the core. */
interface UpdateHost {
  start(place: Place): Promise<void>;
  /** Cut the power; only storage and image areas survive. Power on again. */
  reset(): Promise<void>;
  /** Lines that say what became of updates and applications. */
  readonly log: string;
  stop(): Promise<void>;
}

class NativeHost implements UpdateHost {
  private run?: Run;
  private place!: Place;
  private former = "";

  get log(): string {
    return this.former + (this.run?.output ?? "");
  }

  async start(place: Place): Promise<void> {
    this.place = place;
    const program = await buildNative("boson-run", { sanitize: true });
    this.run = new Run(program, [
      ...["--module", CORE, "--storage", place.folder, "--server", `localhost:${place.port}`],
      // The clock of a busy machine is no judge of an application.
      ...["--applications", "--time", "20000"],
    ]);
  }

  async reset(): Promise<void> {
    await this.stop();
    await this.start(this.place);
  }

  async stop(): Promise<void> {
    if (!this.run || this.run.child.exitCode !== null) return;
    await this.run.end("SIGKILL");
    this.former += this.run.output;
    this.run = undefined;
  }
}

class BoardHost implements UpdateHost {
  private board?: EmulatedBoard;

  constructor(private readonly name: string) {}

  get log(): string {
    return this.board?.lines.join("\n") ?? "";
  }

  async start({ deviceId, folder, port }: Place): Promise<void> {
    const { file } = await buildImage(this.name, "device", { module: CORE });
    const read = (name: string): Buffer => readFileSync(path.join(folder, name));
    const slots = {
      [StorageSlot.DevicePrivateKey]: read("device-key.der"),
      [StorageSlot.ServerPublicKey]: read("server-public-key.der"),
      [StorageSlot.UpdateKeys]: read("update-keys.bin"),
    };
    const server = { host: "localhost", port };
    this.board = new EmulatedBoard({ board: this.name, image: file, deviceId, slots, server });
    await this.board.start();
  }

  async reset(): Promise<void> {
    const booted = this.board!.says(/^boot$/);
    this.board!.reset();
    await booted;
  }

  async stop(): Promise<void> {
    await this.board?.stop();
  }
}

async function imageOf(name: string, version: number): Promise<Buffer> {
  const entry = path.join(projectRoot, `tests/apps/module-${name}.as.ts`);
  const cache = path.join(projectRoot, "build", `module-${name}-${MEMORY}`);
  const { module } = await buildApplicationModule(entry, { memory: MEMORY, cache });
  return signApplication(module, TEST_UPDATE_KEY, { version, memoryKiB: MEMORY / 1024 });
}

/** One application of each kind of harm (tests/support/hostile-applications.ts). */
const HOSTILE = [
  "pointer-wboson-publish-0",
  "pointer-wboson-random-3",
  "pointer-device-id",
  "trap-indirect",
  "trap-in-clock",
  "endless-setup",
  "endless-loop",
  "recursion-mutual",
  "flood-publish",
];

/** An application that recurses without end; each level connects, publishes vitals and registers. */
function recursionImage(version: number): Buffer {
  const imported = (name: string, count: number): string =>
    `(import "wboson" "${name}" (func $${name} ${"(param i32) ".repeat(count)} (result i32)))`;
  const zeros = (count: number): string => "(i32.const 0) ".repeat(count);
  const text = `(module ${imported("control", 3)} ${imported("register_function", 2)}
    (memory (export "memory") 1 1) (data (i32.const 0) "name")
    (func (export "app_abi") (result i32) (i32.const 1))
    (func (export "app_buffer") (result i32) (i32.const 1024))
    (func (export "app_buffer_capacity") (result i32) (i32.const 1152))
    (func (export "app_clock") (param i32)) (func (export "loop"))
    (func (export "app_event") ${"(param i32) ".repeat(5)} (result i32) (i32.const 0))
    (func $setup (export "setup")
      (drop (call $control (i32.const 1) ${zeros(2)}))
      (drop (call $control (i32.const 5) ${zeros(2)}))
      (drop (call $register_function (i32.const 0) (i32.const 4)))
      (call $setup)))`;
  const { module } = meterModule(assemble({ recursion: text }).recursion);
  return signApplication(module, TEST_UPDATE_KEY, { version });
}

const HOSTS: [string, jest.It, () => UpdateHost][] = [
  ["WASM3 on Linux", native, () => new NativeHost()],
  ["the emulated Argon", boards, () => new BoardHost("argon")],
  ["the emulated Photon 2", boards, () => new BoardHost("photon2")],
];

describe.each(HOSTS)("updates of an application on %s", (_name, maybe, makeHost) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-updates-"));
  const cloudDirectory = path.join(folder, "cloud");
  const deviceDirectory = path.join(folder, "device");
  const host = makeHost();
  const events: string[] = [];
  let handshakes = 0;
  let cloud: LocalCloud;
  let listener: UdpListener;
  let id: string;

  /** Wait for an event of the device, from now on. */
  async function event(wanted: RegExp): Promise<string> {
    const from = events.length;
    const end = Date.now() + PATIENCE;
    while (Date.now() < end) {
      const found = events.slice(from).find((line) => wanted.test(line));
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no ${wanted} in ${events.slice(from).join("\n")}\n${host.log}`);
  }

  /** Version 2 runs again: its variable can be read once its setup() is done. */
  async function runsVersion2(): Promise<void> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const version = await cloud.read(id, "version").catch((error: Error) => error);
      if (version === 2) return;
      if (Date.now() > end) throw new Error(`version ${String(version)}\n${host.log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const flash = async (name: string, version: number): Promise<unknown> =>
    cloud.flash(id, await imageOf(name, version));

  afterAll(async () => {
    await host.stop();
    await listener?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  maybe("connects without any application", async () => {
    id = provisionDevice({ cloudDirectory, deviceDirectory }).id;
    provisionUpdateKeys(deviceDirectory, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
    cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
    listener = await UdpListener.listen(cloud, { port: 0 });
    cloud.on("device", ({ change }) => {
      if (change === "session") handshakes += 1;
    });
    cloud.on("event", ({ name, data }) => void events.push(`${name} ${data.toString()}`));
    const described = new Promise<void>((resolve) =>
      cloud.on("device", ({ change }) => change === "describe" && resolve()),
    );
    await host.start({ deviceId: id, folder: deviceDirectory, port: listener.address.port });
    await described;
    expect(await cloud.call(id, "double", "21")).toBe(42);
  });

  maybe("takes version 1, whose functions are beside the firmware's", async () => {
    const alive = event(/^alive 1$/);
    await flash("well", 1);
    await alive;
    expect(await cloud.call(id, "ask", "hello")).toBe(5);
    expect(await cloud.read(id, "version")).toBe(1);
    expect(await cloud.call(id, "double", "4")).toBe(8);
    const answer = event(/^answer on$/);
    cloud.publish("command/led", "on");
    await answer;
  });

  maybe("takes version 2 when version 1 has proved itself", async () => {
    await expect(flash("well", 2)).rejects.toMatchObject({ message: /probation|busy|state/i });
    expect(await cloud.call(id, "ask", "confirm")).toBe(0);
    const alive = event(/^alive 2$/);
    await flash("well", 2);
    await alive;
    expect(await cloud.read(id, "version")).toBe(2);
    expect(await cloud.call(id, "ask", "confirm")).toBe(0);
  });

  maybe("goes back to version 2 from one that traps, on the same connection", async () => {
    const back = event(/^spark\/device\/update\/rollback .*"version":3.*-160/);
    await flash("trap", 3);
    await back;
    await runsVersion2();
    expect(host.log).toMatch(/application.*ApplicationTrap/);
    expect(handshakes).toBe(1);
  });

  maybe("and from one that recurses, with a call of the core at each level", async () => {
    const back = event(/^spark\/device\/update\/rollback .*"version":4.*-16[01]/);
    await cloud.flash(id, recursionImage(4));
    await back;
    await runsVersion2();
    expect(await cloud.call(id, "ask", "hello")).toBe(5);
    expect(handshakes).toBe(1);
  });

  maybe("refuses one that imports what is not an application's", async () => {
    const image = await imageOf("imports", 5).catch(() => undefined);
    // No tool signs it; the hostile ones are signed by hand.
    expect(image).toBeUndefined();
    const [refused] = hostileApplications(5).filter(({ name }) => name === "import-storage");
    await expect(cloud.flash(id, refused.image)).rejects.toMatchObject({
      code: "update-refused",
    });
    expect(await cloud.read(id, "version")).toBe(2);
    expect(handshakes).toBe(1);
  });

  const survivesHostileOnes = async (): Promise<void> => {
    const taken = hostileApplications().filter(({ name }) => HOSTILE.includes(name));
    expect(taken).toHaveLength(HOSTILE.length);
    for (const { name, image, outcomes } of taken) {
      const from = host.log.length;
      await cloud.flash(id, image);
      // The harm is done within the first calls of loop().
      for (let i = 0; i < 500 && !/^application \d App/m.test(host.log.slice(from)); i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await runsVersion2();
      const [, found] = /^application \d (Application\w+) 2 /m.exec(host.log.slice(from)) ?? [];
      const allowed = outcomes.flatMap((outcome) =>
        typeof outcome === "object" && "stopped" in outcome ? [Status[outcome.stopped]] : [],
      );
      expect({ name, allowed, found, isAllowed: allowed.includes(found) }).toMatchObject({
        isAllowed: true,
      });
    }
    expect(handshakes).toBe(1);
  };
  // Over the emulated boards' UART this would take minutes; what they run is the same binding.
  if (makeHost() instanceof NativeHost) {
    maybe("and from each hostile one that the core takes", survivesHostileOnes);
  }

  maybe("runs version 2 after a reset, without a handshake", async () => {
    const alive = event(/^alive 2$/);
    await host.reset();
    await alive;
    expect(await cloud.call(id, "ask", "again")).toBe(5);
    expect(handshakes).toBe(1);
  });
});

describe("native firmware on Linux", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-firmware-"));
  const place = { cloudDirectory: path.join(folder, "cloud"), deviceDirectory: folder };
  const host = new NativeHost();
  let listener: UdpListener;

  afterAll(async () => {
    await host.stop();
    await listener?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  native("is staged as a file of its own, and the process starts anew", async () => {
    const id = provisionDevice(place).id;
    provisionUpdateKeys(folder, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
    const cloud = new LocalCloud(openCloudDirectory(place.cloudDirectory));
    listener = await UdpListener.listen(cloud, { port: 0 });
    const described = new Promise<void>((resolve) =>
      cloud.on("device", ({ change }) => change === "describe" && resolve()),
    );
    await host.start({ deviceId: id, folder, port: listener.address.port });
    await described;
    const binary = Buffer.alloc(20_001, "native firmware ");
    await cloud.flash(id, signFirmware(binary, TEST_UPDATE_KEY, { version: 9 }));
    for (let i = 0; i < 500 && !host.log.includes("Connected SessionResumed"); i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(readFileSync(path.join(folder, "firmware.bin"))).toEqual(binary);
    expect(host.log).toMatch(/^update firmware 9$/m);
    expect(host.log.match(/Connected SessionResumed/g)).toHaveLength(1);
    expect(await cloud.call(id, "double", "3")).toBe(6);
  });
});
