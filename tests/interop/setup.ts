// Finds or installs the servers that the core is run against: Debian packages through apt-get, a
// Californium server from Maven Central and a pion/dtls server from the Go module proxy, both
// built into build/interop; Particle's command line from the npm registry. What cannot be had is
// named in one line; its rows are skipped.
// usage: tsx tests/interop/setup.ts

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { installParticleCli } from "./particle-cli";

export const outputFolder = path.resolve(__dirname, "../../build/interop");
export const californiumFolder = path.join(outputFolder, "californium");
export const pionCommand = path.join(outputFolder, "pion", "peer");

const sources = {
  californium: path.join(__dirname, "californium"),
  pion: path.join(__dirname, "pion"),
};
const INSTALL_TIMEOUT = 600_000;
const BUILD_TIMEOUT = 300_000;

/** Commands of the rows, and the Debian package of each. */
const PACKAGES: Record<string, string> = {
  openssl: "openssl",
  "gnutls-serv": "gnutls-bin",
  "coap-server-gnutls": "libcoap3-bin",
  "coap-server-openssl": "libcoap3-bin",
};

/** Path of a command, or undefined. */
export function which(command: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .map((folder) => path.join(folder, command))
    .find((file) => path.isAbsolute(file) && existsSync(file));
}

function run(command: string, args: string[], timeout: number, cwd?: string): string | undefined {
  const result = spawnSync(command, args, { cwd, timeout, encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.status === 0) return undefined;
  const output = `${result.stderr ?? ""}\n${result.stdout ?? ""}`.trim().split("\n");
  return result.error?.message ?? (output.slice(-5).join("\n") || `exit ${result.status}`);
}

// ---- Debian packages ------------------------------------------------------------------------

function installPackages(): void {
  const missing = Object.keys(PACKAGES).filter((command) => !which(command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((command) => PACKAGES[command]))];
  const reason = tryInstall(packages);
  const absent = missing.filter((command) => !which(command));
  if (absent.length > 0) {
    const names = [...new Set(absent.map((command) => PACKAGES[command]))].join(" ");
    console.log(`interop: no ${absent.join(", ")} (package ${names}; ${reason}): rows skipped`);
  }
}

/** @returns why nothing was installed */
function tryInstall(packages: string[]): string {
  if (!which("apt-get")) return "no apt-get here";
  if (process.getuid?.() !== 0) return "not root: install it yourself";
  console.log(`interop: apt-get install ${packages.join(" ")}`);
  const install = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  const failure =
    run("apt-get", ["update", "-q"], INSTALL_TIMEOUT) ?? run("apt-get", install, INSTALL_TIMEOUT);
  return failure ? `apt-get: ${failure.split("\n").at(-1)}` : "not in that package";
}

// ---- servers built from source --------------------------------------------------------------

/** Whether `folder` holds what these sources build to; a stamp says so. */
function isBuilt(folder: string, from: string): boolean {
  const stamp = path.join(folder, "stamp");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(from);
}

function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) {
    hash.update(name).update(readFileSync(path.join(folder, name)));
  }
  return hash.digest("hex");
}

function build(
  name: keyof typeof sources,
  needs: string[],
  steps: (folder: string) => string | undefined,
): void {
  const folder = path.join(outputFolder, name);
  if (isBuilt(folder, sources[name])) return;
  const missing = needs.filter((command) => !which(command));
  if (missing.length > 0) {
    console.log(`interop: ${name} needs ${missing.join(", ")}: rows skipped`);
    return;
  }
  console.log(`interop: building the ${name} server, once`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const failure = steps(folder);
  if (failure) console.log(`interop: ${name} was not built: rows skipped\n${failure}`);
  else writeFileSync(path.join(folder, "stamp"), fingerprint(sources[name]));
}

function buildCalifornium(folder: string): string | undefined {
  const lib = path.join(folder, "lib");
  const pom = path.join(sources.californium, "pom.xml");
  const copy = ["dependency:copy-dependencies", "-DincludeScope=runtime"];
  const source = path.join(sources.californium, "Peer.java");
  const classes = ["-nowarn", "-d", path.join(folder, "classes"), "-cp", path.join(lib, "*")];
  return (
    run("mvn", ["-B", "-q", "-f", pom, ...copy, `-DoutputDirectory=${lib}`], BUILD_TIMEOUT) ??
    run("javac", [...classes, source], BUILD_TIMEOUT)
  );
}

function buildPion(): string | undefined {
  const options = ["-trimpath", "-mod=readonly", "-o", pionCommand];
  return run("go", ["build", ...options, "."], BUILD_TIMEOUT, sources.pion);
}

export function hasCalifornium(): boolean {
  return isBuilt(californiumFolder, sources.californium) && which("java") !== undefined;
}

export function hasPion(): boolean {
  return isBuilt(path.dirname(pionCommand), sources.pion);
}

function main(): void {
  mkdirSync(outputFolder, { recursive: true });
  installPackages();
  build("californium", ["java", "javac", "mvn"], buildCalifornium);
  build("pion", ["go"], buildPion);
  const absent = installParticleCli();
  if (absent !== undefined) console.log(`interop: no particle-cli (${absent}): rows skipped`);
  if (!which("openssl")) {
    console.error("interop: openssl makes the keys of every row, and there is none: install it");
    process.exitCode = 1;
  }
}

if (require.main === module) main();
