// Replace a file as a whole: a crash leaves the old content or the new one, never a mixture.

import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Write a temporary file next to `path` and rename it into place.
 * @param durable wait until the content is on the disk: it then survives a power cut, not only the end of the process
 * @param mode permissions; private by default, as most of what is written holds keys
 */
export function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  durable: boolean,
  mode = 0o600,
): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, "w", mode);
  try {
    writeFileSync(file, content);
    if (durable) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  if (durable) syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
