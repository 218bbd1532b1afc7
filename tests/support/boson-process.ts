// boson-run as a process of its own, and waiting for what it prints.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

const PATIENCE = 10_000;

/** Wait for something, but not for ever. */
export function within<T>(what: string, start: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${what}`)), PATIENCE);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

/** One boson-run process and what it printed. */
export class Run {
  readonly child: ChildProcess;
  output = "";
  private readonly waiting = new Set<() => void>();

  constructor(program: string, options: string[], environment: NodeJS.ProcessEnv = {}) {
    this.child = spawn(program, options, { env: { ...process.env, ...environment } });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
        for (const look of this.waiting) look();
      });
    }
  }

  /** Wait until it has printed something. */
  prints(pattern: RegExp): Promise<RegExpExecArray> {
    return within(`${pattern} in ${this.output}`, (resolve) => {
      const look = (): void => {
        const found = pattern.exec(this.output);
        if (!found) return;
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }
}
