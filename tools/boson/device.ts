// boson device run: a device in this terminal, with the core or an application, against a local cloud.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { Option } from "commander";
import type { Command } from "commander";

import {
  CLOUD_FILES,
  DEFAULT_PORT,
  DEFAULT_TCP_PORT,
  DEVICE_FILES,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud";
import { keepaliveOf, serverOf, secondsOf } from "../../cloud/cli/options";
import type { ServerName } from "../../cloud/cli/options";
import { DEFAULT_DATA } from "../../cloud/cli/profile";
import { runDevice } from "./run-device";

export const DEFAULT_STORAGE = ".wboson/device";

interface RunFlags {
  storage: string;
  data: string;
  name?: string;
  transport: "udp" | "tcp";
  server: ServerName;
  keepalive?: number;
  connectTimeout?: number;
  newSession: boolean;
  updates: boolean;
  json: boolean;
}

export function deviceCommand(program: Command): void {
  const device = program.command("device").description("devices on this machine");
  device
    .command("run [module]")
    .description("run a device in this terminal: a module with an application, or the core alone")
    .option(
      "--storage <directory>",
      "keys and session; keys are made on first use",
      DEFAULT_STORAGE,
    )
    .option("--data <directory>", "data directory of the cloud that gets the key", DEFAULT_DATA)
    .option("--name <name>", "name of the device, when its keys are made")
    .option("--server <host[:port]>", "of the cloud", serverOf, { host: "127.0.0.1" })
    .addOption(new Option("--transport <name>").choices(["udp", "tcp"]).default("udp"))
    .option("--keepalive <ms>", "silence until a ping; -1: none", keepaliveOf)
    .option("--connect-timeout <seconds>", "fail unless connected by then", secondsOf)
    .option("--updates", "without a module: the core that takes applications over the air", false)
    .option("--new-session", "begin with a handshake", false)
    .option("--json", "a JSON object a line", false)
    .addHelpText("after", HELP)
    .action((module: string | undefined, flags: RunFlags) => run(module, flags));
}

const HELP = `
Without a module it is the core alone: lines of the input are published as the event "line", the function
"double" and the variable "lines" are there to try, and events "command..." are printed. With --updates it
runs the application that was flashed last, in DIR/images; it trusts the keys of DIR/update-keys.bin
and refuses every update without any. Ctrl-C says goodbye, a
second one does not wait. A session goes on where it was made, whatever --server says, unless the server there
is silent. The exit code is 0 after Ctrl-C, else 1.`;
/** ms that a running cloud is given to take over a new key: it looks once a second. */
const TAKEOVER_MS = 1500;

async function run(module: string | undefined, flags: RunFlags): Promise<void> {
  const { storage, transport, server } = flags;
  const file = module ?? defaultModule(transport, flags.updates);
  if (!existsSync(file)) {
    const hint = module === undefined ? "; npm run build makes it" : "";
    throw new Error(`there is no module ${file}${hint}`);
  }
  const isNew = !existsSync(path.join(storage, DEVICE_FILES.deviceKey));
  if (isNew) await provision(flags);
  const deviceId = readFileSync(path.join(storage, DEVICE_FILES.deviceId), "utf8").trim();
  const port = server.port ?? (transport === "tcp" ? DEFAULT_TCP_PORT : DEFAULT_PORT);
  process.exitCode = await runDevice({
    ...{ file, storage, deviceId, transport, isNew, newSession: flags.newSession },
    server: { host: server.host, port },
    keepalive: flags.keepalive,
    connectTimeoutMs: flags.connectTimeout && flags.connectTimeout * 1000,
    json: flags.json,
  });
  // The input is still open.
  process.exit();
}

async function provision({ data, storage, name, transport }: RunFlags): Promise<void> {
  const options = { cloudDirectory: data, deviceDirectory: storage, name };
  if (transport === "tcp") await provisionTcpDevice(options);
  else provisionDevice(options);
  // Without a cloud it stays where it is; one that is elsewhere never learns of the key.
  const registration = path.join(data, CLOUD_FILES.registry);
  const end = performance.now() + TAKEOVER_MS;
  while (existsSync(registration) && performance.now() < end) await pause(20);
}

/** The core as `npm run build` leaves it. */
function defaultModule(transport: "udp" | "tcp", takesUpdates: boolean): string {
  const parts = ["boson", takesUpdates && "ota", transport === "tcp" && "tcp"].filter(Boolean);
  return path.resolve(__dirname, "../../build", `${parts.join("-")}.wasm`);
}
