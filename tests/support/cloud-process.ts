// A cloud in a process of its own, which can be killed and started again on the same ports.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import Particle from "particle-api-js";
import { projectRoot } from "./fixture";

/** Of the first user, "dev". */
const PASSWORD = "of a cloud process";

export class CloudProcess {
  /** Of the API; empty before the first start. */
  url = "";
  udpPort = 0;
  /** Gets each line that it prints. */
  onLine: (line: string) => void = () => undefined;
  private child: ChildProcess | undefined;

  /** @param data its data directory @param fleet options that make it one of several */
  constructor(
    readonly data: string,
    private readonly fleet: string[] = [],
  ) {}

  get pid(): number | undefined {
    return this.child?.exitCode === null ? this.child.pid : undefined;
  }

  /** Start it. @returns how many devices it knows. @throws Error with what it printed when it ends at once */
  async start(): Promise<number> {
    const httpPort = this.url === "" ? "0" : new URL(this.url).port;
    const ports = ["--port", String(this.udpPort), "--http-port", httpPort];
    const script =
      this.fleet.length > 0
        ? ["bin/boson.cjs", "cloud"]
        : ["--import", "tsx", "cloud/bin/serve.ts"];
    const command = [...script, "--data", this.data, ...ports, ...this.fleet];
    const child = spawn(process.execPath, command, {
      cwd: projectRoot,
      env: { ...process.env, BOSON_PASSWORD: PASSWORD },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    let errors = "";
    child.stderr!.on("data", (text: Buffer) => (errors += text.toString()));
    const lines = createInterface({ input: child.stdout! });
    return new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error(`the cloud did not start: ${errors}`)));
      lines.on("line", (line) => {
        this.onLine(line);
        const api = /^API on (.*)$/.exec(line);
        if (api) this.url = api[1];
        const udp = /^listening on .*:(\d+) for (\d+) devices/.exec(line);
        if (!udp) return;
        this.udpPort = Number(udp[1]);
        resolve(Number(udp[2]));
      });
    });
  }

  /** End it as a power cut would end the process. @throws Error when it has ended by itself */
  async kill(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null) throw new Error("the cloud ended by itself");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** An official client, logged in. */
  async login(): Promise<Particle> {
    const { body } = await new Particle({ baseUrl: this.url }).login({
      username: "dev",
      password: PASSWORD,
    });
    return new Particle({ baseUrl: this.url, auth: body.access_token });
  }
}
