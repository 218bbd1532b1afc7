// Finds the Debian packages that parts of the tests need beside Node: compilers, emulator, a library, a browser.
// usage: node tools/setup-packages.mjs [--install]
//   says in one line what is missing; --install gets it with apt-get, as root

import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";

/** What is looked for: what it is, Debian packages, a command that must succeed, its input. */
const NEEDS = {
  compiler: [
    "C compiler",
    ["gcc", "libc6-dev"],
    ["gcc", "-E", "-x", "c", "-"],
    "#include <string.h>\n",
  ],
  crossCompiler: [
    "C compiler for Cortex-M, with newlib",
    ["gcc-arm-none-eabi", "libnewlib-arm-none-eabi"],
    ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "--specs=nano.specs", "-E", "-x", "c", "-"],
    "#include <string.h>\n",
  ],
  emulator: [
    "emulator of Cortex-M boards",
    ["qemu-system-arm"],
    ["qemu-system-arm", "--version"],
    "",
  ],
  mbedtls: [
    "Mbed TLS",
    ["libmbedtls-dev"],
    ["gcc", "-E", "-x", "c", "-"],
    "#include <mbedtls/ecp.h>\n",
  ],
  broker: ["message broker NATS", ["nats-server"], ["nats-server", "--version"], ""],
  chromium: ["browser Chromium", ["chromium"], ["/usr/bin/chromium", "--version"], ""],
};

/**
 * @param {(keyof NEEDS)[]} [names] what to look for; everything unless given
 * @returns {{what: string, packages: string[]}[]} what is not there
 */
export function missingPackages(names = Object.keys(NEEDS)) {
  return names
    .map((name) => NEEDS[name])
    .filter(([, , [command, ...options], input]) => {
      const { error, status } = spawnSync(command, options, { input });
      return error || status !== 0;
    })
    .map(([what, packages]) => ({ what, packages }));
}

/** @returns {string | null} one line: what is missing and how to get it */
export function missingLine(names) {
  const missing = missingPackages(names);
  if (missing.length === 0) return null;
  const packages = missing.flatMap((need) => need.packages).join(" ");
  return `no ${missing.map(({ what }) => what).join(", no ")}: apt-get install ${packages}`;
}

function install() {
  const packages = missingPackages().flatMap((need) => need.packages);
  console.log(`packages: apt-get install ${packages.join(" ")}`);
  const options = { stdio: ["ignore", "ignore", "inherit"] };
  spawnSync("apt-get", ["update", "-q"], options);
  const install = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", install, { ...options, env });
}

function main() {
  if (process.argv.includes("--install") && missingPackages().length > 0) install();
  const line = missingLine();
  console.log(`packages: ${line ?? "all there"}`);
  if (line && process.argv.includes("--install")) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
