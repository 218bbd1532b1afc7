// boson keys: keys of devices, made here or sent to a cloud.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createPublicKey } from "node:crypto";
import { Option } from "commander";
import type { Command } from "commander";
import { fingerprint } from "../keys";
import { DEVICE_FILES, provisionDevice, provisionTcpDevice } from "../provision";
import { ApiClient } from "./api-client";
import { printResult } from "./line-printer";
import { DEFAULT_DATA } from "./profile";

interface MakeFlags {
  data: string;
  id?: string;
  name?: string;
  transport: "udp" | "tcp";
  json: boolean;
}

export function keysCommand(program: Command): void {
  const keys = program.command("keys").description("keys of devices");
  keys
    .command("make <directory>")
    .description("make the keys of a device, register it with a cloud on this machine")
    .option("--data <directory>", "data directory of the cloud", DEFAULT_DATA)
    .option("--id <id>", "device id, 24 hex digits")
    .option("--name <name>", "name of the device")
    .addOption(new Option("--transport <name>").choices(["udp", "tcp"]).default("udp"))
    .option("--json", "print it as JSON", false)
    .action(async (directory: string, flags: MakeFlags) => {
      const { data: cloudDirectory, id, name, transport, json } = flags;
      const provision = transport === "tcp" ? provisionTcpDevice : provisionDevice;
      const made = await provision({ cloudDirectory, deviceDirectory: directory, id, name });
      printKey(json, made.id, made.keyPair.spki);
    });
  keys
    .command("show <directory>")
    .description("id and fingerprint of a device's key")
    .option("--json", "print it as JSON", false)
    .action((directory: string, { json }: { json: boolean }) => {
      const read = (name: string): Buffer => readFileSync(join(directory, name));
      const id = read(DEVICE_FILES.deviceId).toString().trim();
      printKey(json, id, read(DEVICE_FILES.devicePublicKey));
    });
  keys
    .command("send <id> <file>")
    .description("send a device's public key, DER or PEM, to the cloud")
    .option("--json", "print the answer as JSON", false)
    .action(async (id: string, file: string, { json }: { json: boolean }) => {
      const answer = await new ApiClient().request(
        "POST",
        `/v1/provisioning/${encodeURIComponent(id)}`,
        {
          deviceID: id,
          publicKey: readPem(file),
          algorithm: "ecc",
        },
      );
      printResult(json, answer, `${id} has the key of ${file}`);
    });
}

function printKey(json: boolean, id: string, spki: Buffer): void {
  const name = fingerprint(spki);
  printResult(json, { id, fingerprint: name }, `${id} ${name}`);
}

/** @throws Error for what is no public key, in DER or PEM */
function readPem(file: string): string {
  const content = readFileSync(file);
  if (content.toString("latin1").includes("-----BEGIN PUBLIC KEY-----")) return content.toString();
  const key = createPublicKey({ key: content, format: "der", type: "spki" });
  return key.export({ type: "spki", format: "pem" }).toString();
}
