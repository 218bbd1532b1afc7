// The two RSA test keys of `tests/vectors/tcp-handshake.json`. They are published: they protect nothing.

import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rsaKeyPairFromPkcs1 } from "../../cloud/tcp/rsa-keys";
import type { RsaKeyPair } from "../../cloud/tcp/rsa-keys";

type Integers = Record<"n" | "e" | "d" | "p" | "q" | "dp" | "dq" | "qi", string>;

const path = join(__dirname, "../vectors/tcp-handshake.json");
const { rsa, values } = JSON.parse(readFileSync(path, "utf8")) as {
  rsa: Record<"device" | "server", Integers>;
  values: Record<string, string>;
};

/** A value of the vector by the beginning of its name. */
export function vectorValue(name: string): Buffer {
  const found = Object.keys(values).filter((key) => key.startsWith(name));
  if (found.length !== 1) throw new Error(`${found.length} values named ${name}`);
  return Buffer.from(values[found[0]], "hex");
}

function keyPair(integers: Integers): RsaKeyPair {
  const fields = Object.entries(integers).map(([name, hex]) => [
    name,
    Buffer.from(hex, "hex").toString("base64url"),
  ]);
  const key = createPrivateKey({
    format: "jwk",
    key: { kty: "RSA", ...Object.fromEntries(fields) },
  });
  return rsaKeyPairFromPkcs1(key.export({ type: "pkcs1", format: "der" }));
}

/** RSA-1024. */
export const TEST_DEVICE_KEY = keyPair(rsa.device);
/** RSA-2048. */
export const TEST_SERVER_KEY = keyPair(rsa.server);
