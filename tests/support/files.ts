import { readdirSync } from "node:fs";
import path from "node:path";

/** Every file below `folder` whose name ends in `ending`, sorted. */
export function globFiles(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => path.join(folder, name));
}
