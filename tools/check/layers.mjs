// Checks that imports point down only. A rule gives the layer of a file and what it may import;
// the first rule that matches counts.
// usage: node tools/check/layers.mjs [ROOT]

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { listFiles, runAlone } from "./report.mjs";

/** Importable from everywhere in assembly/. */
const COMMON = ["util", "log", "config", "status", "events"];
/** Layers that an application module is compiled from; util/log.ts is for those with a HAL. */
const APPLICATION = ["app", "bridge"];

/** The layers of assembly/, top first: [name, its files, layers that it may import]. */
const LAYERS = [
  ["standard", /^assembly\/standard\.ts$/, ["index", "client", "cloud", "dtls"]],
  ["tcp", /^assembly\/tcp\.ts$/, ["index", "device"]],
  ["ota", /^assembly\/ota(-tcp)?\.ts$/, ["ota", "api", "tcp", "application"]],
  ["api", /^assembly\/api\.ts$/, ["index", "queue", "meter"]],
  [
    "index",
    /^assembly\/index\.ts$/,
    ["application", "queue", "device", "connection", "cloud", "coap", "dtls"],
  ],
  [
    "app-entry",
    /^assembly\/app\/(entry|tcp)\.ts$/,
    ["app", "api", "tcp", "index", "queue", "device", "connection", "cloud", "coap", "dtls"],
  ],
  [
    "app-core",
    /^assembly\/app\/core\.ts$/,
    ["queue", "meter", "device", "connection", "cloud", "coap", "dtls", "crypto"],
  ],
  ["app", /^assembly\/app\//, ["app", "app-core"]],
  ["bridge", /^assembly\/bridge\//, ["bridge", "app"]],
  [
    "queue",
    /^assembly\/queue\//,
    ["queue", "meter", "device", "connection", "cloud", "coap", "dtls", "crypto"],
  ],
  [
    "application",
    /^assembly\/application\//,
    ["application", "queue", "update", "device", "connection", "cloud", "coap"],
  ],
  ["meter", /^assembly\/meter\//, ["meter", "coap"]],
  [
    "device",
    /^assembly\/device\.ts$/,
    [
      "stream",
      "update",
      "settle",
      "connection",
      "client",
      "cloud",
      "coap",
      "dtls",
      "rsa-aes",
      "crypto",
    ],
  ],
  [
    "stream",
    /^assembly\/stream\.ts$/,
    ["update", "settle", "connection", "cloud", "coap", "rsa-aes"],
  ],
  ["settle", /^assembly\/settle\.ts$/, ["update", "connection", "client", "cloud", "coap", "dtls"]],
  ["connection", /^assembly\/connection\.ts$/, ["update", "cloud", "coap", "dtls", "rsa-aes"]],
  ["update", /^assembly\/update\//, ["update", "cloud", "coap", "crypto"]],
  ["cloud", /^assembly\/cloud\//, ["cloud", "client", "coap"]],
  ["client", /^assembly\/client\//, ["client", "coap"]],
  ["coap", /^assembly\/coap\//, ["coap"]],
  ["dtls", /^assembly\/dtls\//, ["dtls", "crypto"]],
  ["rsa-aes", /^assembly\/rsa-aes\//, ["rsa-aes", "crypto"]],
  ["crypto", /^assembly\/crypto\//, ["crypto"]],
  ["log", /^assembly\/util\/log\.ts$/, []],
  ["util", /^assembly\/util\//, []],
  ["config", /^assembly\/config\.ts$/, []],
  ["status", /^assembly\/status\.ts$/, []],
  ["events", /^assembly\/events\.ts$/, []],
  ["hal", /^assembly\/hal\.ts$/, []],
];

/** Numbers of the core, in files without state and imports: applications have them, too. */
const NUMBERS = [/^assembly\/(queue|meter)\/numbers\.ts$/, /^assembly\/cloud\/protocol\.ts$/];

/** The only files that may import assembly/hal.ts. */
const HAL_USERS = [
  /^assembly\/crypto\/random\.ts$/,
  /^assembly\/dtls\/session[^/]*\.ts$/,
  /^assembly\/dtls\/(identity|profile|certificate)\.ts$/,
  /^assembly\/rsa-aes\/identity\.ts$/,
  /^assembly\/util\/log\.ts$/,
  /^assembly\/(queue\/slots|meter\/state)\.ts$/,
  /^assembly\/update\/(area|journal|keys)\.ts$/,
];

/** Folders that share no source with the core, nor with each other. */
const OUTSIDE = {
  cloud: ["assembly", "bindings"],
  bindings: ["assembly", "cloud", "tools"],
};

const layerOf = (file) => LAYERS.find(([, files]) => files.test(file))?.[0];

const isNumbers = (file) => NUMBERS.some((numbers) => numbers.test(file));

/** Specifiers of every import and re-export of a source text. */
function importsOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const statement = /\b(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/g;
  const bare = /\bimport\s*\(?\s*["']([^"']+)["']|\brequire\(\s*["']([^"']+)["']/g;
  return [...code.matchAll(statement), ...code.matchAll(bare)].map((found) => found[1] ?? found[2]);
}

/** The file that a specifier means, relative to root; null for a package. */
function resolve(root, file, specifier) {
  if (!specifier.startsWith("."))
    return specifier.startsWith("assembly/") ? `${specifier}.ts` : null;
  const target = path.posix.join(path.posix.dirname(file), specifier.replace(/\.[cm]?js$/, ""));
  const candidates = [target, `${target}.ts`, `${target}/index.ts`];
  return (
    candidates.find((name) => name.endsWith(".ts") && existsSync(path.join(root, name))) ?? target
  );
}

/** What is wrong with one import inside assembly/, or null. */
function problemOf(file, target) {
  const from = layerOf(file);
  if (target === null) return "imports a package";
  if (isNumbers(file)) return "is for numbers, and imports";
  if (isNumbers(target) && APPLICATION.includes(from)) return null;
  const to = layerOf(target);
  if (!to) return `imports ${target}, which belongs to no layer`;
  if (to === "hal") {
    return HAL_USERS.some((user) => user.test(file)) ? null : "may not import hal.ts";
  }
  const allowed = LAYERS.find(([name]) => name === from)[2];
  const isCommon = COMMON.includes(to) && !(to === "log" && APPLICATION.includes(from));
  if (isCommon || allowed.includes(to)) return null;
  return `${from} may not import ${to} (${target})`;
}

/** Every import below a folder: [file, the file it means]. */
function importsBelow(root, folder) {
  return sourcesBelow(root, folder).flatMap((file) =>
    importsOf(readFileSync(path.join(root, file), "utf8")).map((specifier) => [
      file,
      resolve(root, file, specifier),
    ]),
  );
}

function sourcesBelow(root, folder) {
  if (!existsSync(path.join(root, folder))) return [];
  return listFiles(root, folder).filter((name) => /\.[cm]?[jt]s$/.test(name));
}

/** @param {string} root @returns {import("./report.mjs").Result} */
export function check(root) {
  const problems = sourcesBelow(root, "assembly")
    .filter((file) => !layerOf(file))
    .map((file) => `${file}: belongs to no layer`);
  const inside = importsBelow(root, "assembly");
  for (const [file, target] of inside) {
    const problem = layerOf(file) ? problemOf(file, target) : null;
    if (problem) problems.push(`${file}: ${problem}`);
  }
  for (const [folder, forbidden] of Object.entries(OUTSIDE)) {
    for (const [file, target] of importsBelow(root, folder)) {
      if (forbidden.includes(target?.split("/")[0])) {
        problems.push(`${file}: ${folder}/ may not import ${target}`);
      }
    }
  }
  if (inside.length === 0) problems.push("no import found in assembly/");
  return { figure: `${inside.length} imports`, problems };
}

await runAlone(import.meta.url, "layers", check);
