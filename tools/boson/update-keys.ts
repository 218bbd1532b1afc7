// boson update-keys: keys that sign what devices take, and the public parts that devices pin.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import {
  encodePinnedKeys,
  exportUpdateKey,
  makeUpdateKey,
  readPublicKey,
} from "../application/sign";
import { provisionUpdateKeys } from "../../cloud/provision";

interface PublicFlags {
  out?: string;
  device?: string;
}

export function updateKeysCommand(program: Command): void {
  const keys = program.command("update-keys").description("keys that sign updates");
  keys
    .command("new <file>")
    .description("make an update key: the private key, which only you may read")
    .action((file: string) => {
      if (existsSync(file)) throw new Error(`${file} is there already: a key is never overwritten`);
      const key = makeUpdateKey();
      // "wx": nobody has put something there meanwhile.
      writeFileSync(file, exportUpdateKey(key), { mode: 0o600, flag: "wx" });
      console.log(`${file}: keep it secret, and keep a copy; public key ${nameOf(key.publicKey)}`);
    });
  keys
    .command("public <file...>")
    .description("what a device pins, from one to four keys in PEM, private or public")
    .option("--out <file>", "write it: the content of storage slot 26")
    .option("--device <directory>", "give it to the device with this directory")
    .action((files: string[], { out, device }: PublicFlags) => {
      const points = files.map((file) => readPublicKey(readFileSync(file)));
      const pinned = encodePinnedKeys(points);
      if (out !== undefined) writeFileSync(out, pinned);
      if (device !== undefined) provisionUpdateKeys(device, pinned);
      points.forEach((point, i) => console.log(`${files[i]}: public key ${nameOf(point)}`));
      if (out === undefined && device === undefined) console.log(pinned.toString("hex"));
    });
}

/** SHA-256 of x | y in hex, as the devices' keys are named by theirs. */
function nameOf(point: Uint8Array): string {
  return createHash("sha256").update(point).digest("hex");
}
