// A device with the same function, variable and subscription on each host that there is: Node, WASM3
// on Linux, and the emulated boards. What it does is the module's; the host gives it a socket.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";

import { Device, FileStorage, StorageSlot, VariableType, loadModule } from "../../bindings/node";
import { EmulatedBoard } from "../mcu/emulator";
import { projectRoot } from "../support/fixture";
import { buildImage } from "../support/mcu-build";
import { buildNative } from "../support/native-build";

export type Transport = "udp" | "tcp";

/** The one module file that every host runs, by transport. */
export const MODULES: Record<Transport, string> = {
  udp: path.join(projectRoot, "build/boson.wasm"),
  tcp: path.join(projectRoot, "build/boson-tcp.wasm"),
};

/** `boson_goodbye` of bindings/wasm3/boson.h. */
const GOODBYE_USER = 2;

/** Where a device finds its keys and its cloud. */
export interface Place {
  deviceId: string;
  /** Folder that provisioning wrote. */
  folder: string;
  port: number;
  transport: Transport;
}

export interface Host {
  /** Power on, and connect. */
  start(place: Place): Promise<void>;
  /** Publish event `line`. */
  publish(text: string): void;
  /** Cut the power; only storage survives. Power on again, and connect. */
  reset(): Promise<void>;
  /** Disconnect with a goodbye. */
  goodbye(): Promise<void>;
  stop(): Promise<void>;
}

export class NodeHost implements Host {
  private device?: Device;
  private place!: Place;
  private lines = 0;

  start(place: Place): Promise<void> {
    this.place = place;
    this.powerOn();
    return Promise.resolve();
  }

  private powerOn(): void {
    const { deviceId, folder, port, transport } = this.place;
    this.lines = 0;
    const device = new Device({
      module: loadModule(MODULES[transport]),
      transport,
      storage: new FileStorage(folder),
      deviceId,
      server: { host: "localhost", port },
    });
    device.function("double", (argument) => {
      if (!/^-?\d+$/.test(argument)) throw new Error("not a number");
      return 2 * Number(argument);
    });
    device.variable("lines", VariableType.Int, () => this.lines);
    device.subscribe("command", () => undefined);
    void device.connect();
    this.device = device;
  }

  publish(text: string): void {
    this.lines += 1;
    void this.device!.publish("line", text);
  }

  reset(): Promise<void> {
    this.device!.stop();
    this.powerOn();
    return Promise.resolve();
  }

  goodbye(): Promise<void> {
    return this.device!.disconnect({ goodbye: GOODBYE_USER });
  }

  stop(): Promise<void> {
    this.device?.stop();
    return Promise.resolve();
  }
}

/** boson-run: WASM3 and the posix HAL. */
export class NativeHost implements Host {
  private process?: ChildProcess;
  private place!: Place;

  async start(place: Place): Promise<void> {
    this.place = place;
    const program = await buildNative("boson-run");
    const server = `localhost:${place.port}`;
    this.process = spawn(program, [
      ...["--module", MODULES[place.transport], "--transport", place.transport],
      ...["--storage", place.folder, "--server", server],
    ]);
  }

  publish(text: string): void {
    this.process!.stdin!.write(`${text}\n`);
  }

  async reset(): Promise<void> {
    await this.end("SIGKILL");
    await this.start(this.place);
  }

  goodbye(): Promise<void> {
    return this.end("SIGTERM");
  }

  async stop(): Promise<void> {
    if (this.process?.exitCode === null && !this.process.signalCode) await this.end("SIGKILL");
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.process!, "exit");
    this.process!.kill(signal);
    await ended;
  }
}

/** An emulated board: WASM3 on bare metal. */
export class BoardHost implements Host {
  private board?: EmulatedBoard;

  constructor(private readonly name: string) {}

  async start({ deviceId, folder, port, transport }: Place): Promise<void> {
    const module = MODULES[transport];
    const { file } = await buildImage(this.name, "device", { module });
    if (!readFileSync(file).includes(readFileSync(module))) {
      throw new Error(`${file} holds another module`);
    }
    const slots = {
      [StorageSlot.DevicePrivateKey]: readFileSync(path.join(folder, "device-key.der")),
      [StorageSlot.ServerPublicKey]: readFileSync(path.join(folder, "server-public-key.der")),
    };
    const server = { host: "localhost", port };
    const options = { board: this.name, image: file, deviceId, slots, server, transport };
    this.board = new EmulatedBoard(options);
    await this.board.start();
  }

  publish(text: string): void {
    this.board!.publish(text);
  }

  async reset(): Promise<void> {
    const booted = this.board!.says(/^boot$/);
    this.board!.reset();
    await booted;
  }

  goodbye(): Promise<void> {
    this.board!.goodbye();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.board?.stop();
  }
}
