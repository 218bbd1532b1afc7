// Child processes of the interop rows: started, waited for, ended by their own id; their output is
// kept for diagnosis.

import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const START_TIMEOUT = 20_000;
const STOP_TIMEOUT = 3_000;
/** Where Linux lists its sockets; Java binds IPv4 addresses as IPv6 ones. */
const SOCKET_TABLES = ["/proc/net/udp", "/proc/net/udp6"];
/** Where nobody tells which ports are bound. */
const BLIND_WAIT = 2_000;

/** Wait until `done` holds. @throws Error after `ms` */
export async function until(done: () => boolean, ms: number, waitingFor: string): Promise<void> {
  const limit = Date.now() + ms;
  while (!done()) {
    if (Date.now() > limit) throw new Error(`no ${waitingFor} after ${ms} ms`);
    await sleep(20);
  }
}

export class Process {
  readonly child: ChildProcessWithoutNullStreams;
  readonly commandLine: string;
  private readonly output: Buffer[] = [];
  private ended = false;

  constructor(command: string, args: string[]) {
    this.commandLine = [command, ...args].join(" ");
    this.child = spawn(command, args, { stdio: "pipe" });
    this.child.stdout.on("data", (chunk: Buffer) => this.output.push(chunk));
    this.child.stderr.on("data", (chunk: Buffer) => this.output.push(chunk));
    this.child.stdin.on("error", () => {});
    this.child.on("error", (error) => {
      this.ended = true;
      this.output.push(Buffer.from(`${error.message}\n`));
    });
    this.child.on("exit", () => (this.ended = true));
  }

  /** Everything that it wrote, with its command line. */
  get log(): string {
    return `$ ${this.commandLine}\n${this.bytes.toString("latin1")}`;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.output);
  }

  /** Wait until it has bound its UDP port. @throws Error with its output when it ends before */
  async waitForPort(port: number): Promise<void> {
    const blindUntil = Date.now() + BLIND_WAIT;
    await until(
      () => {
        if (this.ended) throw new Error(`server ended: ${this.log}`);
        return existsSync(SOCKET_TABLES[0]) ? isBound(port) : Date.now() > blindUntil;
      },
      START_TIMEOUT,
      `server on port ${port}`,
    );
  }

  async waitForLine(text: string): Promise<void> {
    await until(
      () => {
        if (this.ended) throw new Error(`ended: ${this.log}`);
        return this.bytes.includes(text);
      },
      START_TIMEOUT,
      `"${text}" from ${this.commandLine}`,
    );
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    const ended = once(this.child, "exit");
    this.child.stdin.end();
    this.child.kill("SIGTERM");
    const forced = setTimeout(() => this.child.kill("SIGKILL"), STOP_TIMEOUT);
    await ended;
    clearTimeout(forced);
  }
}

function isBound(port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const tables = SOCKET_TABLES.filter((file) => existsSync(file));
  const lines = tables.flatMap((file) => readFileSync(file, "latin1").split("\n").slice(1));
  return lines.some((line) => line.trim().split(/\s+/)[1]?.endsWith(suffix));
}

/** A free UDP port whose successor is free too: libcoap takes both. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const first = await bind(0);
    const { port } = first.address();
    const second = await bind(port + 1).catch(() => undefined);
    first.close();
    second?.close();
    if (second) return port;
  }
  throw new Error("no two neighbouring UDP ports are free");
}

async function bind(port: number) {
  const socket = createSocket("udp4");
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
