// Command: run the local cloud on a UDP port, if asked to on a TCP port, too, its API on an HTTP port, and print what happens.
//
//   tsx cloud/bin/serve.ts --data <directory> [--port 5684] [--tcp-port 5683] [--host 127.0.0.1]
//                          [--http-port 9090] [--http-host 127.0.0.1] [--allow-remote] [--no-http] [--user dev]
//
// A cloud without users gets one; BOSON_PASSWORD of the environment is its password, or a random one that is printed.

import { parseArgs } from "node:util";
import { serveCloud } from "../cli/serve-cloud";
import { DEFAULT_PORT } from "../udp-listener";

const USAGE =
  "usage: serve --data <directory> [--port 5684] [--tcp-port 5683] [--host 127.0.0.1]" +
  " [--http-port 9090] [--http-host 127.0.0.1] [--allow-remote] [--no-http] [--user dev]";

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      data: { type: "string" },
      port: { type: "string", default: String(DEFAULT_PORT) },
      "tcp-port": { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      http: { type: "boolean", default: true },
      "http-port": { type: "string", default: "9090" },
      "http-host": { type: "string", default: "127.0.0.1" },
      "allow-remote": { type: "boolean", default: false },
      user: { type: "string" },
    },
  });
  if (!values.data) throw new Error(USAGE);
  await serveCloud({
    data: values.data,
    port: Number(values.port),
    tcpPort: values["tcp-port"] === undefined ? undefined : Number(values["tcp-port"]),
    host: values.host,
    firstUser: values.user,
    rest: values.http && {
      port: Number(values["http-port"]),
      host: values["http-host"],
      allowRemote: values["allow-remote"],
    },
  });
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
