// A NATS server in a process of its own, on loopback.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What nats-server takes for "any port". */
const ANY_PORT = -1;

export class NatsProcess {
  private child: ChildProcess | undefined;
  private port = ANY_PORT;

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Start it, from the second time on at the same port. */
  async start(): Promise<void> {
    const child = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(this.port)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    let output = "";
    const lines = createInterface({ input: child.stderr });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`nats-server did not start: ${output}`)));
      lines.on("line", (line) => {
        output += `${line}\n`;
        const listening = /client connections on 127\.0\.0\.1:(\d+)/.exec(line);
        if (listening) this.port = Number(listening[1]);
        if (line.includes("Server is ready")) resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}
