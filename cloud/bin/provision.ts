// Command: make the keys of a device and register it.
//
//   tsx cloud/bin/provision.ts --cloud <directory> --device <directory> [--id <24 hex digits>] [--name <name>]
//       [--transport udp|tcp]

import { parseArgs } from "node:util";
import { fingerprint } from "../keys";
import { provisionDevice, provisionTcpDevice } from "../provision";

const USAGE = `usage: provision --cloud <directory> --device <directory> [--id <24 hex digits>] [--name <name>]
                 [--transport udp|tcp]`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cloud: { type: "string" },
      device: { type: "string" },
      id: { type: "string" },
      name: { type: "string" },
      transport: { type: "string", default: "udp" },
    },
  });
  if (!values.cloud || !values.device || !["udp", "tcp"].includes(values.transport)) {
    throw new Error(USAGE);
  }
  const provision = values.transport === "tcp" ? provisionTcpDevice : provisionDevice;
  const { id, keyPair } = await provision({
    cloudDirectory: values.cloud,
    deviceDirectory: values.device,
    id: values.id,
    name: values.name,
  });
  console.log(`device ${id}, public key SHA-256 ${fingerprint(keyPair.spki)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
