// Command: run the local cloud on a UDP port, its API on an HTTP port, and print what happens.
//
//   tsx cloud/bin/serve.ts --data <directory> [--port 5684] [--host 127.0.0.1]
//                          [--http-port 9090] [--http-host 127.0.0.1] [--allow-remote] [--no-http] [--user dev]
//
// A cloud without users gets one; BOSON_PASSWORD of the environment is its password, or a random one that is printed.

import { parseArgs } from "node:util";
import { runCloud } from "../rest/run";
import type { RunningCloud } from "../rest/run";
import { DEFAULT_PORT } from "../udp-listener";
import type { LocalCloud } from "../local-cloud";

const USAGE =
  "usage: serve --data <directory> [--port 5684] [--host 127.0.0.1] [--http-port 9090]" +
  " [--http-host 127.0.0.1] [--allow-remote] [--no-http] [--user dev]";

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      data: { type: "string" },
      port: { type: "string", default: String(DEFAULT_PORT) },
      host: { type: "string", default: "127.0.0.1" },
      http: { type: "boolean", default: true },
      "http-port": { type: "string", default: "9090" },
      "http-host": { type: "string", default: "127.0.0.1" },
      "allow-remote": { type: "boolean", default: false },
      user: { type: "string" },
    },
  });
  if (!values.data) throw new Error(USAGE);
  const running = await runCloud({
    data: values.data,
    port: Number(values.port),
    host: values.host,
    firstUser: values.user,
    firstPassword: process.env.BOSON_PASSWORD,
    rest: values.http && {
      port: Number(values["http-port"]),
      host: values["http-host"],
      allowRemote: values["allow-remote"],
    },
  });
  printEvents(running.cloud);
  announce(running);
  const stop = (): void => void running.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

function printEvents(cloud: LocalCloud): void {
  cloud.on("log", ({ level, message }) => console.log(`${level}: ${message}`));
  cloud.on("device", ({ deviceId, change, reason }) =>
    console.log(`device ${deviceId}: ${change}${reason === undefined ? "" : ` (${reason})`}`),
  );
  cloud.on("event", ({ deviceId, name, data }) =>
    console.log(`event ${name} of ${deviceId}: ${JSON.stringify(data.toString("utf8"))}`),
  );
}

function announce({ cloud, udp, rest, newUser }: RunningCloud): void {
  const { host, port } = udp.address;
  if (newUser) {
    const given = process.env.BOSON_PASSWORD !== undefined;
    console.log(`user ${newUser.username}, password ${given ? "as given" : newUser.password}`);
  }
  if (rest) console.log(`API on ${rest.url}`);
  console.log(`listening on ${host}:${port} for ${cloud.devices.length} devices`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
