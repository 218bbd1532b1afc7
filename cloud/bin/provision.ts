// Command: make the keys of a device and register it.
//
//   tsx cloud/bin/provision.ts --cloud <directory> --device <directory> [--id <24 hex digits>] [--name <name>]

import { parseArgs } from "node:util";
import { fingerprint } from "../keys";
import { provisionDevice } from "../provision";

const USAGE =
  "usage: provision --cloud <directory> --device <directory> [--id <24 hex digits>] [--name <name>]";

function main(): void {
  const { values } = parseArgs({
    options: {
      cloud: { type: "string" },
      device: { type: "string" },
      id: { type: "string" },
      name: { type: "string" },
    },
  });
  if (!values.cloud || !values.device) throw new Error(USAGE);
  const { id, keyPair } = provisionDevice({
    cloudDirectory: values.cloud,
    deviceDirectory: values.device,
    id: values.id,
    name: values.name,
  });
  console.log(`device ${id}, public key SHA-256 ${fingerprint(keyPair.spki)}`);
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
