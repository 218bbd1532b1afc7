// One emulated board: QEMU, and the bridge that stands for its radio. Frames of its UART become
// datagrams of a UDP socket, and back; see tests/mcu/device/frames.h.

import { type ChildProcess, spawn } from "node:child_process";
import { type Socket as UdpSocket, createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type Server, type Socket, createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { projectRoot } from "../support/fixture";
import { SlipDecoder, encodeSlip } from "./slip";

export interface EmulatedBoardOptions {
  /** Name of the board's folder. */
  board: string;
  /** ELF file. */
  image: string;
  /** 24 hexadecimal digits. */
  deviceId: string;
  /** Content of storage slots for a board whose storage is empty: device key, server key. */
  slots: Record<number, Uint8Array>;
  server: { host: string; port: number };
  /** `udp` unless given. */
  transport?: "udp" | "tcp";
}

interface BoardFile {
  emulator: { machine: string };
}

/** `hal_socket_kind` and `boson_transport`. */
const UDP = 1;
const TCP = 2;

/** Bytes of a stream in one frame. */
const PIECE = 1024;

const letter = (type: string): number => type.charCodeAt(0);

export class EmulatedBoard {
  /** Lines of the log, as they came, and `boot` for each start. */
  readonly lines: string[] = [];
  private readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-mcu-"));
  private readonly decoder = new SlipDecoder();
  private readonly waiting = new Set<() => void>();
  private server!: Server;
  private uart!: Socket;
  private qemu!: ChildProcess;
  private udp?: UdpSocket;
  private tcp?: Socket;
  private errors = "";

  constructor(private readonly options: EmulatedBoardOptions) {}

  /** Power on. */
  async start(): Promise<void> {
    const file = path.join(this.folder, "uart");
    this.server = createServer();
    this.server.listen(file);
    await once(this.server, "listening");
    const connected = once(this.server, "connection") as Promise<[Socket]>;
    const { emulator } = JSON.parse(
      readFileSync(path.join(projectRoot, "boards", this.options.board, "board.json"), "utf8"),
    ) as BoardFile;
    this.qemu = spawn("qemu-system-arm", [
      ...["-M", emulator.machine, "-nographic", "-monitor", "none"],
      ...["-chardev", `socket,id=uart,path=${file}`, "-serial", "chardev:uart"],
      ...["-semihosting-config", "enable=on,target=native", "-kernel", this.options.image],
    ]);
    this.qemu.stderr!.on("data", (text: Buffer) => {
      this.errors += text.toString();
      this.look();
    });
    this.qemu.on("exit", () => this.look());
    [this.uart] = await connected;
    this.uart.on("data", (piece) => {
      for (const frame of this.decoder.push(piece)) this.handle(frame[0], frame.subarray(1));
    });
    this.uart.on("error", () => {});
  }

  /** Wait until a line of the log fits. @throws Error when it does not come within `ms` */
  async says(pattern: RegExp, ms = 60_000): Promise<string> {
    const from = this.lines.length;
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
        act();
      };
      const fail = (why: string): void =>
        end(() => reject(new Error(`${why}: no ${pattern} in\n${this.lines.join("\n")}`)));
      const timer = setTimeout(() => fail("time is over"), ms);
      const look = (): void => {
        const found = this.lines.slice(from).find((line) => pattern.test(line));
        if (found !== undefined) end(() => resolve(found));
        else if (this.qemu.exitCode !== null) fail(`the emulator has ended: ${this.errors}`);
      };
      this.waiting.add(look);
    });
  }

  publish(text: string): void {
    this.send("P", Buffer.from(text));
  }

  /** Reset the processor; its storage survives. */
  reset(): void {
    this.send("R");
  }

  /** Have it log what memory it has used since it was asked last. @returns bytes by name */
  async memory(): Promise<Record<string, number>> {
    const line = this.says(/^memory /);
    this.send("M");
    const words = (await line).split(" ").slice(1);
    const pairs = words.flatMap((word, i) => (i % 2 ? [[words[i - 1], Number(word)]] : []));
    return Object.fromEntries(pairs) as Record<string, number>;
  }

  goodbye(): void {
    this.send("E");
  }

  /** Power off. */
  async stop(): Promise<void> {
    this.close();
    if (this.qemu && this.qemu.exitCode === null) {
      const ended = once(this.qemu, "exit");
      this.qemu.kill("SIGKILL");
      await ended;
    }
    this.uart?.destroy();
    this.server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private look(): void {
    for (const look of [...this.waiting]) look();
  }

  private send(type: string, content: Uint8Array = new Uint8Array()): void {
    this.uart.write(encodeSlip(Buffer.concat([Buffer.of(letter(type)), content])));
  }

  private handle(type: number, content: Uint8Array): void {
    switch (type) {
      case letter("B"):
        return this.boot(content[0] === 1);
      case letter("O"):
        return this.open(Buffer.from(content));
      case letter("C"):
        return this.close();
      case letter("D"):
        this.udp?.send(content);
        this.tcp?.write(content);
        return;
      case letter("L"):
        this.lines.push(Buffer.from(content.subarray(1)).toString());
        return this.look();
    }
  }

  private boot(survived: boolean): void {
    this.close();
    this.lines.push("boot");
    this.look();
    if (!survived) {
      for (const [slot, bytes] of Object.entries(this.options.slots)) {
        this.send("K", Buffer.concat([Buffer.of(Number(slot)), bytes]));
      }
    }
    const { deviceId, server, transport } = this.options;
    const head = Buffer.of(transport === "tcp" ? TCP : UDP, server.port >> 8, server.port & 255);
    this.send("G", Buffer.concat([Buffer.from(deviceId, "hex"), head, Buffer.from(server.host)]));
  }

  /** The board asks for a socket: to 127.0.0.1 only, whatever it calls it. */
  private open(content: Buffer): void {
    this.close();
    const port = content.readUInt16BE(1);
    const address = Buffer.of(127, 0, 0, 1, port >> 8, port & 255);
    if (content[0] === TCP) this.connect(port, address);
    else this.bind(port, address);
  }

  private bind(port: number, address: Buffer): void {
    const udp = createSocket("udp4");
    this.udp = udp;
    udp.on("message", (datagram) => {
      if (udp === this.udp) this.send("D", datagram);
    });
    // Nobody at the other end is what a datagram socket does not tell a board.
    udp.on("error", () => {});
    udp.connect(port, "127.0.0.1", () => {
      if (udp === this.udp) this.send("A", address);
    });
  }

  private connect(port: number, address: Buffer): void {
    const tcp = createConnection({ port, host: "127.0.0.1" });
    this.tcp = tcp;
    const ended = (): void => {
      if (tcp === this.tcp) this.send("X");
    };
    tcp.on("connect", () => {
      if (tcp === this.tcp) this.send("A", address);
    });
    tcp.on("data", (bytes) => {
      for (let at = 0; at < bytes.length && tcp === this.tcp; at += PIECE) {
        this.send("D", bytes.subarray(at, at + PIECE));
      }
    });
    tcp.on("end", ended);
    tcp.on("error", () => {
      if (tcp === this.tcp) this.send(tcp.connecting ? "A" : "X");
    });
  }

  private close(): void {
    this.udp?.close();
    this.udp = undefined;
    this.tcp?.destroy();
    this.tcp = undefined;
  }
}
