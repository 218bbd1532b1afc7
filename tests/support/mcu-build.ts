// Images for emulated boards in tests: whether they can be built and run here, and building them.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "./fixture";
import { missing, testNeeding } from "./needs";

const run = promisify(execFile);

const NEEDS = ["crossCompiler", "emulator", "wasm3"] as const;

export interface Image {
  /** ELF file. */
  file: string;
  /** Bytes by group: wasm3, glue, module, platform, libraries. */
  sizes: Record<string, { flash: number; ram: number }>;
}

export interface ImageOptions {
  module?: string;
  /** Text of the image's generated sources, by file name. */
  generated?: Record<string, string>;
}

/** Build an image. @throws Error with the compiler's messages */
export async function buildImage(
  board: string,
  image: string,
  { module, generated = {} }: ImageOptions = {},
): Promise<Image> {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-image-"));
  try {
    const files = Object.entries(generated).flatMap(([name, text]) => {
      writeFileSync(path.join(folder, name), text);
      return ["--generated", path.join(folder, name)];
    });
    const options = ["--board", board, "--image", image, ...files];
    if (module) options.push("--module", module);
    const tool = path.join(projectRoot, "tools/build-mcu.mjs");
    const { stdout } = await run(process.execPath, [tool, ...options]);
    return JSON.parse(stdout) as Image;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is missing to build and run images, as one line; null when all is there. */
export const missingForBoards = (): string | null => missing(...NEEDS);

/** `test` where images can be built and run; else `test.skip`, and a line that says what is missing. */
export const boardTest = (): jest.It => testNeeding("tests on emulated boards", ...NEEDS);
