// How an application names the interface, wherever its file is: `import ... from "wboson"`, and
// "wboson/board" for pins and buses.

import path from "node:path";

const SPECIFIER = /(\bfrom\s*["'])wboson(\/[\w-]+)?(["'])/g;

/**
 * Give the interface the name that the compiler finds it by.
 * @param {string} file relative to the project's root, with forward slashes
 * @param {string} text its source
 */
export function resolveInterface(file, text) {
  const app = path.posix.relative(path.posix.dirname(file), "assembly/app");
  const folder = app.startsWith(".") ? app : `./${app}`;
  return text.replace(SPECIFIER, (_, from, rest = "", end) => `${from}${folder}${rest}${end}`);
}
