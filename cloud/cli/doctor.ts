// boson doctor: what is wrong? Each check says what it found and, if that is bad, what to do. At the end, what this machine
// has not got.

import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { CLOUD_FILES } from "../provision";
import { DEFAULT_PORT } from "../udp-listener";
import { ApiClient } from "./api-client";
import { printResult } from "./line-printer";
import { portOf } from "./options";
import { DEFAULT_DATA, readProfile } from "./profile";
import { probe } from "./udp-probe";

interface DoctorFlags {
  data: string;
  udpHost: string;
  udpPort: number;
  json: boolean;
}

/** What was found; an Error says what to do. */
type Check = (flags: DoctorFlags) => Promise<string>;

const LEAST_NODE = [20, 19];
/** ms that the clocks of the two sides may differ. */
const MAX_SKEW_MS = 60_000;

const CHECKS: Record<string, Check> = {
  node: async () => {
    const [major, minor] = process.versions.node.split(".").map(Number);
    if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])) {
      throw new Error(`Node ${process.versions.node}: 20.19 or later is needed`);
    }
    return `Node ${process.versions.node}`;
  },
  data: async ({ data }) => {
    if (!existsSync(join(data, CLOUD_FILES.serverKey))) {
      throw new Error(`no cloud in ${data}: run boson cloud, or say --data`);
    }
    if (statSync(data).mode & 0o077) {
      throw new Error(`others may read ${data}, with the keys in it: chmod 700 ${data}`);
    }
    return `the cloud's keys are in ${data}`;
  },
  udp: async ({ udpHost, udpPort }) => {
    try {
      const ms = await probe(udpHost, udpPort);
      return `DTLS answers at ${udpHost}:${udpPort} after ${ms.toFixed(1)} ms`;
    } catch (error) {
      const cause = (error as Error).message;
      throw new Error(`${udpHost}:${udpPort}: ${cause}. Is the cloud running? A firewall between?`);
    }
  },
  api: async () => {
    const { url } = readProfile();
    const response = await fetch(`${url}/v1/user`).catch(() => {
      throw new Error(`nothing answers at ${url}: run boson cloud, or set BOSON_URL`);
    });
    const skew = Math.abs(Date.parse(response.headers.get("date") ?? "") - Date.now());
    if (skew > MAX_SKEW_MS)
      throw new Error(`the clock of ${url} is ${Math.round(skew / 1000)} s off`);
    return `the API answers at ${url}`;
  },
  login: async () => {
    const { username } = await new ApiClient().request("GET", "/v1/user");
    return `logged in as ${String(username)}`;
  },
  devices: async () => {
    const devices = await new ApiClient().request<{ online: boolean }[]>("GET", "/v1/devices");
    const online = devices.filter((device) => device.online).length;
    if (devices.length === 0) throw new Error("no device is yours: boson keys make, boson claim");
    return `${online} of ${devices.length} devices online`;
  },
};

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("look for what is wrong, and for what is missing on this machine")
    .option("--data <directory>", "data directory of the cloud", DEFAULT_DATA)
    .option("--udp-host <address>", "where devices connect", "127.0.0.1")
    .option("--udp-port <number>", "", portOf, DEFAULT_PORT)
    .option("--json", "a JSON object a line", false)
    .action(async (flags: DoctorFlags) => {
      const print = (result: "ok" | "BAD" | "note", name: string, text: string): void => {
        const line = `${result.padEnd(4)} ${name.padEnd(8)} ${text}`;
        printResult(flags.json, { check: name, result: result.toLowerCase(), text }, line);
      };
      for (const [name, check] of Object.entries(CHECKS)) {
        try {
          print("ok", name, await check(flags));
        } catch (error) {
          print("BAD", name, (error as Error).message);
          process.exitCode = 1;
        }
      }
      print("note", "packages", await missingPackages());
    });
}

/** What builds and tests for boards would need beside Node: nothing that a cloud or a device here does. */
async function missingPackages(): Promise<string> {
  const script = join(__dirname, "../../tools/setup-packages.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const line = stdout.trim().replace(/^packages: /, "");
  return line === "all there" ? line : `to build for boards and to run all tests: ${line}`;
}
