// assembly/crypto on WASM3 in another process (crypto_process.c), with the interface of
// tests/crypto/module.ts: the tests there run on it as they are. Requests are answered while the caller
// waits, because those tests do not wait for promises.

import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomFillSync } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { FIRST, buildCrypto } from "../crypto/module";
import type { Call } from "../crypto/module";

const MEMORY_SIZE = 65536;

/** The functions of boson_crypto.h, in the order in which the process counts them. */
export const FUNCTIONS = [
  "p256_public_key",
  "p256_validate",
  "p256_ecdh",
  "p256_verify",
  "sha256_compress",
  "ccm_seal",
  "ccm_open",
] as const;

/** By function: calls that the host answered, and calls that it left to the module. */
export type Counts = Record<(typeof FUNCTIONS)[number], { answered: number; declined: number }>;

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

/** A process with one instance of the module. Data is put one piece after the other from `reset()` on. */
export class CryptoProcess {
  readonly call: Record<string, Call>;
  /** What the host answers to the module's request for random bytes. */
  random = (bytes: Uint8Array): number => {
    randomFillSync(bytes);
    return bytes.length;
  };
  private readonly child: ChildProcess;
  private readonly requests: number;
  private readonly answers: number;
  /** Requests that nobody waits for yet. */
  private waiting: Buffer[] = [];
  private next = FIRST;

  /** @param folder for the pipes */
  constructor(program: string, module: string, folder: string) {
    const pipes = ["requests", "answers"].map((name) => path.join(folder, name));
    for (const pipe of pipes) {
      rmSync(pipe, { force: true });
      execFileSync("mkfifo", [pipe]);
    }
    this.child = spawn(program, [module, ...pipes], { stdio: ["ignore", "inherit", "inherit"] });
    // Opening waits for the other side, which there is only if the process has started.
    if (this.child.pid === undefined) throw new Error(`cannot start ${program}`);
    this.requests = openSync(pipes[0], "w");
    this.answers = openSync(pipes[1], "r");
    this.call = new Proxy<Record<string, Call>>(
      {},
      {
        get:
          (_, name: string): Call =>
          (...args) =>
            this.run(name, args),
      },
    );
    this.reset();
  }

  close(): void {
    closeSync(this.requests);
    closeSync(this.answers);
    this.child.kill();
  }

  reset(): void {
    this.send("f", FIRST, MEMORY_SIZE - FIRST, 0xa5);
    this.next = FIRST;
  }

  room(length: number): number {
    const at = this.next;
    this.next += length;
    if (this.next > MEMORY_SIZE) throw new Error("no room: call reset()");
    return at;
  }

  put(bytes: Uint8Array): number {
    const at = this.room(bytes.length);
    this.send("w", at, bytes.length);
    this.waiting.push(Buffer.from(bytes));
    return at;
  }

  get(at: number, length: number): Buffer {
    this.send("r", at, length);
    this.flush();
    return this.receive(length);
  }

  statics(): Buffer {
    return this.get(0, FIRST);
  }

  /** Whether the random source of the HAL fails, of which the module knows nothing. */
  failRandom(fails: boolean): void {
    this.send("h", Number(fails));
  }

  /** Let the host answer `status` to calls of some functions, whatever it could do. */
  refuse(names: readonly string[], status: number): void {
    const mask = names.reduce((bits, name) => bits | (1 << FUNCTIONS.indexOf(name as never)), 0);
    this.send("x", mask, status);
  }

  counts(): Counts {
    this.send("s");
    this.flush();
    const entries = FUNCTIONS.map((name) => [
      name,
      { answered: this.receiveNumber(), declined: this.receiveNumber() },
    ]);
    return Object.fromEntries(entries) as Counts;
  }

  private run(name: string, args: number[]): number {
    this.send("c", name.length);
    this.waiting.push(Buffer.from(name), number(args.length), ...args.map(number));
    this.flush();
    for (;;) {
      const letter = this.receive(1).toString();
      if (letter === "d") return this.receiveNumber();
      const length = this.receiveNumber();
      if (letter === "e") throw new Error(`${name}: ${this.receive(length).toString()}`);
      const bytes = Buffer.alloc(length);
      const answer = this.random(bytes);
      this.waiting.push(number(answer), bytes);
      this.flush();
    }
  }

  private send(letter: string, ...numbers: number[]): void {
    this.waiting.push(Buffer.from(letter), ...numbers.map(number));
  }

  private flush(): void {
    const bytes = Buffer.concat(this.waiting);
    this.waiting = [];
    for (let done = 0; done < bytes.length;) done += writeSync(this.requests, bytes, done);
  }

  private receive(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.answers, bytes, done, length - done, null);
      if (count === 0) throw new Error("the process has ended");
      done += count;
    }
    return bytes;
  }

  private receiveNumber(): number {
    return this.receive(4).readInt32LE();
  }
}

/** A folder with the module that asks for native crypto, and the processes that run it. */
export class CryptoProcesses {
  private readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-crypto-process-"));
  private readonly module = path.join(this.folder, "crypto.wasm");
  private readonly started: CryptoProcess[] = [];

  constructor(private readonly program: string) {
    writeFileSync(this.module, buildCrypto("tcp", ["--use", "WBOSON_NATIVE_CRYPTO=1"]));
  }

  start(): CryptoProcess {
    const process = new CryptoProcess(this.program, this.module, this.folder);
    this.started.push(process);
    return process;
  }

  /** The sums over all processes. */
  counts(): Counts {
    const all = this.started.map((process) => process.counts());
    const sum = (name: keyof Counts, what: "answered" | "declined"): number =>
      all.reduce((total, counts) => total + counts[name][what], 0);
    const entries = FUNCTIONS.map((name) => [
      name,
      { answered: sum(name, "answered"), declined: sum(name, "declined") },
    ]);
    return Object.fromEntries(entries) as Counts;
  }

  close(): void {
    for (const process of this.started) process.close();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true });
  }
}
