// Californium as the client: shows that a server of servers.ts works, so that a row that fails with
// the core is the core's fault. WBOSON_INTEROP_CLIENT=californium npm run interop

import { createPrivateKey, createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import type {
  Answer,
  ClientStats,
  ConnectOptions,
  Credentials,
  InteropClient,
  Method,
} from "./client";
import { Process, until } from "./processes";
import { californiumCommand } from "./servers";
import { Tap } from "./tap";

const ANSWER_TIMEOUT = 15_000;

export async function connect(options: ConnectOptions): Promise<InteropClient> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "wboson-interop-"));
  const tap = await Tap.open(options.port);
  const [command, args] = californiumCommand("client", {
    port: tap.port,
    ...credentialOptions(folder, options.credentials),
    ...(options.cid ? { cid: 0 } : {}),
  });
  const client = new CaliforniumClient(new Process(command, args), tap, folder);
  try {
    await client.start();
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

function credentialOptions(folder: string, credentials: Credentials): Record<string, string> {
  if ("psk" in credentials) {
    const { identity, key } = credentials.psk;
    return { psk: `${identity}:${Buffer.from(key).toString("hex")}` };
  }
  const write = (name: string, content: Uint8Array | string) => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  const own = "rpk" in credentials ? credentials.rpk : credentials.x509;
  const der = Buffer.from(own.privateKeyDer);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "sec1" });
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const shared = {
    key: write("key.p8", privateKey.export({ type: "pkcs8", format: "der" })),
    trust: write("server.spki", own.serverSpki),
  };
  if ("rpk" in credentials) return { ...shared, public: write("public.spki", publicKey) };
  const certificates = credentials.x509.certificateDer.map(toPem);
  return { ...shared, chain: write("chain.pem", certificates.join("")) };
}

function toPem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

class CaliforniumClient implements InteropClient {
  private handshake: "full" | "resumed" = "full";

  constructor(
    private readonly process: Process,
    private readonly tap: Tap,
    private readonly folder: string,
  ) {}

  async start(): Promise<void> {
    await this.process.waitForLine("READY\n");
    await this.shakeHands("connect");
  }

  get stats(): ClientStats {
    const count = (direction: string) => {
      const part = this.tap.captured.filter((one) => one.direction === direction);
      return { datagrams: part.length, bytes: part.reduce((n, one) => n + one.bytes.length, 0) };
    };
    const chosen = [...this.process.log.matchAll(/write-cid (?:CID=([0-9A-F]*)|null)/g)].at(-1);
    const connectionIdLength = chosen?.[1] === undefined ? undefined : chosen[1].length / 2;
    return {
      handshake: this.handshake,
      connectionIdLength,
      up: count("up"),
      down: count("down"),
    };
  }

  async exchange(method: Method, path: string, payload = new Uint8Array()): Promise<Answer> {
    const words = ["exchange", method, path, Buffer.from(payload).toString("hex")];
    const [code, hex] = await this.command(words.join(" "));
    return { code, payload: Buffer.from(hex ?? "", "hex") };
  }

  rebind(): Promise<void> {
    this.tap.rebind();
    return Promise.resolve();
  }

  async resumeSession(): Promise<void> {
    await this.command("end");
    this.tap.rebind();
    await this.shakeHands("resume");
  }

  async close(): Promise<void> {
    await this.process.stop();
    this.tap.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async shakeHands(command: string): Promise<void> {
    const [kind] = await this.command(command);
    this.handshake = kind === "resumed" ? "resumed" : "full";
  }

  /** Write a line, wait for the one that answers it. @throws Error when that begins with ERROR */
  private async command(line: string): Promise<string[]> {
    const answers = () =>
      this.process.bytes
        .toString("latin1")
        .split("\n")
        .slice(0, -1)
        .filter((text) => /^(OK|ERROR) /.test(text));
    const before = answers().length;
    this.process.child.stdin.write(`${line}\n`);
    await until(() => answers().length > before, ANSWER_TIMEOUT, `answer to ${line}`);
    const [word, ...rest] = answers()[before].split(" ");
    if (word !== "OK") throw new Error(`californium, ${line}: ${rest.join(" ")}`);
    return rest;
  }
}
