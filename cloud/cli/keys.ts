// boson keys: keys of devices, made here or sent to a cloud.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { fingerprint, keyPairFromSec1, publicKeyFromSpki } from "../keys";
import { DEVICE_FILES, provisionDevice } from "../provision";
import { ApiClient } from "./api-client";
import { DEFAULT_DATA } from "./profile";

export function keysCommand(program: Command): void {
  const keys = program.command("keys").description("keys of devices");
  keys
    .command("make <directory>")
    .description("make the keys of a device, register it with a cloud on this machine")
    .option("--data <directory>", "data directory of the cloud", DEFAULT_DATA)
    .option("--id <id>", "device id, 24 hex digits")
    .option("--name <name>", "name of the device")
    .action((directory: string, flags: { data: string; id?: string; name?: string }) => {
      const { data: cloudDirectory, id, name } = flags;
      const made = provisionDevice({ cloudDirectory, deviceDirectory: directory, id, name });
      console.log(`${made.id} ${fingerprint(made.keyPair.spki)}`);
    });
  keys
    .command("show <directory>")
    .description("id and fingerprint of a device's key")
    .action((directory: string) => {
      const read = (name: string): Buffer => readFileSync(join(directory, name));
      const { spki } = keyPairFromSec1(read(DEVICE_FILES.deviceKey));
      console.log(`${read(DEVICE_FILES.deviceId).toString().trim()} ${fingerprint(spki)}`);
    });
  keys
    .command("send <id> <file>")
    .description("send a device's public key, DER or PEM, to the cloud")
    .action(async (id: string, file: string) => {
      await new ApiClient().request("POST", `/v1/provisioning/${encodeURIComponent(id)}`, {
        deviceID: id,
        publicKey: readPem(file),
        algorithm: "ecc",
      });
      console.log(`${id} has the key of ${file}`);
    });
}

/** @throws Error for what is no public key of P-256 */
function readPem(file: string): string {
  const content = readFileSync(file);
  if (content.toString("latin1").includes("-----BEGIN PUBLIC KEY-----")) return content.toString();
  const key = publicKeyFromSpki(content);
  return key.export({ type: "spki", format: "pem" }).toString();
}
