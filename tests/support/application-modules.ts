// Application modules of tests/apps and examples, built once and signed with the test key.

import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { buildApplicationModule } from "../../tools/application/build";
import type { BuildOptions } from "../../tools/application/build";
import { ImageKind } from "../../tools/application/image";
import { signApplication, signImage } from "../../tools/application/sign";
import type { ApplicationOptions } from "../../tools/application/sign";
import {
  SectionId,
  encodeModule,
  sectionsOf,
  WASM_HEADER,
} from "../../tools/application/wasm-reader";
import { projectRoot } from "./fixture";
import { TEST_UPDATE_KEY } from "./update-key";

/** Sources by name: what each does is in its file. */
export const APPLICATION_MODULES = {
  well: "tests/apps/module-well.as.ts",
  trap: "tests/apps/module-trap.as.ts",
  endless: "tests/apps/module-endless.as.ts",
  flood: "tests/apps/module-flood.as.ts",
  imports: "tests/apps/module-imports.as.ts",
  memory: "tests/apps/module-memory.as.ts",
  features: "tests/apps/features.as.ts",
  sensor: "examples/sensor/main.ts",
  led: "examples/led/main.ts",
  logger: "examples/logger/main.ts",
  tracker: "examples/tracker/main.ts",
} as const;

export type ApplicationModule = keyof typeof APPLICATION_MODULES;

const FOLDER = path.join(projectRoot, "build/application-modules");
/** Nothing takes as long; who has left a lock behind has died. */
const LOCK_TIMEOUT = 60_000;
const built = new Map<string, Promise<Buffer>>();

/** Let one process at a time use a folder: jest runs two files at once. */
async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = `${folder}.lock`;
  mkdirSync(path.dirname(folder), { recursive: true });
  for (const end = Date.now() + LOCK_TIMEOUT; ; await sleep(50)) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || Date.now() > end) throw error;
      const isStale = existsSync(lock) && Date.now() - statSync(lock).mtimeMs > LOCK_TIMEOUT;
      if (isStale) rmSync(lock, { recursive: true, force: true });
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** Build a module, metered and unsigned. */
export function applicationModule(
  name: ApplicationModule,
  options: BuildOptions = {},
): Promise<Buffer> {
  const key = [name, options.runtime ?? "small", options.memory ?? ""].join("-");
  let building = built.get(key);
  if (!building) {
    const source = path.join(projectRoot, APPLICATION_MODULES[name]);
    const cache = path.join(FOLDER, key);
    building = alone(cache, async () => {
      const result = await buildApplicationModule(source, {
        ...options,
        cache,
        isUnchecked: name === "imports",
      });
      return result.module;
    });
    built.set(key, building);
  }
  return building;
}

/**
 * An image of a module, signed with the test key, for any board unless told otherwise.
 * @param version above that of what the device runs
 */
export async function applicationImage(
  name: ApplicationModule,
  version: number,
  options: Partial<ApplicationOptions> = {},
): Promise<Buffer> {
  const module = await applicationModule(name);
  if (name !== "imports") return signApplication(module, TEST_UPDATE_KEY, { version, ...options });
  // The tool does not sign what no device takes.
  const sections = sectionsOf(module).filter(({ id }) => id !== SectionId.Custom);
  const fields = { kind: ImageKind.Application, forced: false, version, capabilities: 63 };
  const rest = { minimumAbi: 1, memoryKiB: 0, boards: options.boards ?? [], keys: [] };
  const body = encodeModule(sections).subarray(WASM_HEADER.length);
  return signImage({ ...fields, ...rest }, body, TEST_UPDATE_KEY);
}
