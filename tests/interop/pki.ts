// Keys and certificates of one interop run, made by openssl in a folder of their own. All are test
// material: P-256, valid for two days, named "wboson test".

import { spawnSync } from "node:child_process";
import {
  X509Certificate,
  createHash,
  createPrivateKey,
  createPublicKey,
  randomBytes,
} from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const DAYS = "2";
/** Enough names for a certificate of about 1400 bytes. */
const LARGE_NAMES = 40;

export interface Identity {
  /** EC PRIVATE KEY, PEM. */
  keyFile: string;
  /** PKCS#8, DER. */
  pkcs8File: string;
  /** PUBLIC KEY, PEM. */
  publicFile: string;
  /** SubjectPublicKeyInfo, DER. */
  spkiFile: string;
  /** The certificate alone, PEM; then with the CA's after it. */
  certificateFile: string;
  chainFile: string;
  /** RFC 5915 ECPrivateKey. */
  privateKeyDer: Buffer;
  spki: Buffer;
  certificateDer: Buffer;
}

export interface Pki {
  folder: string;
  caFile: string;
  server: Identity;
  /** The server's key in a certificate of about 1400 bytes. */
  largeServer: Identity;
  client: Identity;
  /** SubjectPublicKeyInfo of a key that no server has. */
  strangerSpki: Buffer;
  psk: { identity: string; key: Buffer };
  /** libcoap takes its key as text and knows its clients by the hint. */
  textPsk: { identity: string; key: Buffer };
}

function openssl(folder: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${error?.message ?? stderr}`);
}

/** Make everything anew. @param folder is emptied first */
export function makePki(folder: string): Pki {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  makeKey(folder, "ca");
  const subject = ["-subj", "/O=wboson test/CN=wboson test CA"];
  const extensions = ["-addext", "keyUsage=critical,keyCertSign"];
  openssl(
    folder,
    ...["req", "-x509", "-new", "-key", "ca.key", "-days", DAYS, "-out", "ca.crt"],
    ...subject,
    ...extensions,
  );
  for (const name of ["server", "client", "stranger"]) makeKey(folder, name);
  const names = Array.from({ length: LARGE_NAMES }, (_, n) => `DNS:test-${n}.device.invalid`);
  return {
    folder,
    caFile: path.join(folder, "ca.crt"),
    server: makeIdentity(folder, "server", "server", "DNS:localhost,IP:127.0.0.1"),
    largeServer: makeIdentity(folder, "large-server", "server", names.join(",")),
    client: makeIdentity(folder, "client", "client", "DNS:device.invalid"),
    strangerSpki: spkiOf(path.join(folder, "stranger.key")),
    psk: { identity: "wboson-test", key: randomBytes(16) },
    textPsk: { identity: "CoAP", key: Buffer.from(randomBytes(8).toString("hex")) },
  };
}

function makeKey(folder: string, name: string): void {
  const curve = ["-name", "prime256v1", "-noout"];
  openssl(folder, "ecparam", "-genkey", ...curve, "-out", `${name}.key`);
}

function spkiOf(keyFile: string): Buffer {
  return createPublicKey(readFileSync(keyFile)).export({ type: "spki", format: "der" });
}

/** @param key name of its key, which is there already */
function makeIdentity(folder: string, name: string, key: string, altNames: string): Identity {
  const file = (suffix: string) => path.join(folder, `${name}${suffix}`);
  const keyFile = path.join(folder, `${key}.key`);
  writeFileSync(file(".ext"), `subjectAltName=${altNames}\nkeyUsage=critical,digitalSignature\n`);
  const subject = ["-subj", `/O=wboson test/CN=${name}`];
  openssl(folder, "req", "-new", "-key", keyFile, "-out", `${name}.csr`, ...subject);
  const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", `0x${serial(name)}`];
  const usage = ["-days", DAYS, "-extfile", `${name}.ext`];
  openssl(
    folder,
    ...["x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`],
    ...issuer,
    ...usage,
  );
  const privateKey = createPrivateKey(readFileSync(keyFile));
  const spki = spkiOf(keyFile);
  const certificate = readFileSync(file(".crt"));
  writeFileSync(file(".p8"), privateKey.export({ type: "pkcs8", format: "der" }));
  writeFileSync(file(".spki"), spki);
  writeFileSync(file(".pub"), createPublicKey(privateKey).export({ type: "spki", format: "pem" }));
  writeFileSync(
    file(".chain"),
    Buffer.concat([certificate, readFileSync(path.join(folder, "ca.crt"))]),
  );
  return {
    keyFile,
    pkcs8File: file(".p8"),
    publicFile: file(".pub"),
    spkiFile: file(".spki"),
    certificateFile: file(".crt"),
    chainFile: file(".chain"),
    privateKeyDer: privateKey.export({ type: "sec1", format: "der" }),
    spki,
    certificateDer: new X509Certificate(certificate).raw,
  };
}

function serial(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 14);
}
