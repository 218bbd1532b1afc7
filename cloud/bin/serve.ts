// Command: run the local cloud on a UDP port, if asked to on a TCP port, too, and print what happens.
//
//   tsx cloud/bin/serve.ts --data <directory> [--port 5684] [--tcp-port 5683] [--host 127.0.0.1]

import { parseArgs } from "node:util";
import { LocalCloud } from "../local-cloud";
import { openCloudDirectory, prepareTcp } from "../provision";
import { TcpListener } from "../tcp/listener";
import { DEFAULT_PORT, UdpListener } from "../udp-listener";

const USAGE = "usage: serve --data <directory> [--port 5684] [--tcp-port 5683] [--host 127.0.0.1]";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      port: { type: "string", default: String(DEFAULT_PORT) },
      "tcp-port": { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
    },
  });
  if (!values.data) throw new Error(USAGE);
  const tcpPort = values["tcp-port"];
  if (tcpPort !== undefined) await prepareTcp(values.data);
  const cloud = new LocalCloud(openCloudDirectory(values.data));
  cloud.on("log", ({ level, message }) => console.log(`${level}: ${message}`));
  cloud.on("device", ({ deviceId, change, reason }) =>
    console.log(`device ${deviceId}: ${change}${reason === undefined ? "" : ` (${reason})`}`),
  );
  cloud.on("event", ({ deviceId, name, data }) =>
    console.log(`event ${name} of ${deviceId}: ${JSON.stringify(data.toString("utf8"))}`),
  );
  const { address } = await UdpListener.listen(cloud, {
    port: Number(values.port),
    host: values.host,
  });
  if (tcpPort !== undefined) {
    const tcp = await TcpListener.listen(cloud, { port: Number(tcpPort), host: values.host });
    console.log(`listening on TCP ${tcp.address.host}:${tcp.address.port}`);
  }
  console.log(`listening on ${address.host}:${address.port} for ${cloud.devices.length} devices`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
