// boson cloud: run a cloud.

import type { Command } from "commander";
import { DEFAULT_PORT } from "../udp-listener";
import { portOf } from "./options";
import { DEFAULT_DATA } from "./profile";
import { serveCloud } from "./serve-cloud";

interface CloudFlags {
  data: string;
  port: number;
  tcpPort?: number;
  host: string;
  http: boolean;
  httpPort: number;
  httpHost: string;
  allowRemote: boolean;
  user?: string;
  fleet?: string;
  broker: string;
  json: boolean;
}

export function cloudCommand(program: Command): void {
  program
    .command("cloud")
    .description("run a cloud in this terminal")
    .option("--data <directory>", "where it keeps everything", DEFAULT_DATA)
    .option("--port <number>", "UDP port for devices", portOf, DEFAULT_PORT)
    .option("--tcp-port <number>", "TCP port for devices with RSA keys", portOf)
    .option("--host <address>", "UDP and TCP address", "127.0.0.1")
    .option("--http-port <number>", "port of the API", portOf, 9090)
    .option("--http-host <address>", "address of the API", "127.0.0.1")
    .option("--allow-remote", "let --http-host be no loopback address", false)
    .option("--no-http", "no API")
    .option("--user <name>", 'name of the first user (default: "dev")')
    .option("--fleet <directory>", "what it has in common with other clouds: keys, users, devices")
    .option("--broker <url>", "NATS, by which a fleet talks", "nats://127.0.0.1:4222")
    .option("--json", "a JSON object a line", false)
    .addHelpText("after", "\nThe first user's password is BOSON_PASSWORD, or random and printed.")
    .action(async (flags: CloudFlags) => {
      const options = {
        data: flags.data,
        port: flags.port,
        tcpPort: flags.tcpPort,
        host: flags.host,
        firstUser: flags.user,
        fleet: flags.fleet ? { directory: flags.fleet, broker: flags.broker } : undefined,
        rest: flags.http && {
          port: flags.httpPort,
          host: flags.httpHost,
          allowRemote: flags.allowRemote,
        },
      };
      await serveCloud(options, flags.json);
    });
}
