// Firmware of a board as a Linux program: the assembled project, compiled for this machine, over a
// Device OS that is played (fake-device-os).

import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "../support/fixture";
import { assemblyTest } from "./cross-compiler";
import { firmware } from "./firmware";

const run = promisify(execFile);

const FAKE = path.join(projectRoot, "tests/boards/fake-device-os");
const OPTIONS = ["-O2", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
/** The binding's own tests run WASM3 with sanitizers. */
const WASM3 = ["-w", "-fno-sanitize=all"];
const CPP = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti"];

/** `test` where C and C++ can be compiled for this machine; else `test.skip`, and a line that says so. */
export function playedTest(): jest.It {
  const missing =
    process.platform !== "linux"
      ? "Device OS is played on Linux"
      : ["gcc", "g++"].find((command) => spawnSync(command, ["--version"]).status !== 0);
  if (!missing) return assemblyTest();
  process.stderr.write(`SKIPPED firmware on a played Device OS: ${missing} is missing\n`);
  return test.skip as unknown as jest.It;
}

export interface Project {
  /** Folder to build in. */
  out: string;
  board: string;
  /** Replaced in board.h: text by text. */
  replace: Record<string, string>;
  /** Further parameters of tools/firmware.mjs. */
  parameters?: string[];
}

/** Assemble a board's project, with a board.h for this machine. */
async function assemble({ out, board, replace, parameters = [] }: Project): Promise<void> {
  await firmware(board, "--out", out, ...parameters);
  const header = path.join(out, "src/boards/board.h");
  let text = readFileSync(header, "utf8");
  for (const [from, to] of Object.entries(replace)) {
    if (!text.includes(from)) throw new Error(`board.h has no ${from}`);
    text = text.replace(from, to);
  }
  writeFileSync(header, text);
}

/**
 * Build a program.
 * @param sources files of the project, by a pattern of their path in it
 * @param others files of elsewhere, absolute
 * @returns path of the program
 * @throws the compiler's messages
 */
export async function buildPlayed(
  project: Project,
  sources: RegExp,
  others: string[],
): Promise<string> {
  await assemble(project);
  const { out, board } = project;
  const file = path.join(projectRoot, "boards", board, "board.json");
  const { platformId, deviceOs } = JSON.parse(readFileSync(file, "utf8")) as {
    platformId: number;
    deviceOs: { api: number };
  };
  const found = readdirSync(out, { recursive: true, encoding: "utf8" }).sort();
  const files = found.filter((name) => sources.test(name)).map((name) => path.join(out, name));
  const objects = path.join(out, "objects");
  mkdirSync(objects);
  const options = [
    ...OPTIONS,
    `-I${path.join(projectRoot, "tests/boards/device-os-api", String(deviceOs.api))}`,
    `-I${FAKE}`,
    `-I${path.join(projectRoot, "tests/hal")}`,
    `-I${out}`,
    `-DPLATFORM_ID=${platformId}`,
    '-Dretained=__attribute__((section("retained_user")))',
  ];
  const units = [...files, path.join(FAKE, "device_os.cpp"), ...others];
  const compiled = units.map((_, index) => path.join(objects, `${index}.o`));
  const compile = async (source: string, object: string): Promise<void> => {
    const isCpp = source.endsWith(".cpp");
    const language = isCpp ? CPP : ["-std=gnu11"];
    const special = /\/wasm3\/(m3_|wasm3)/.test(source) ? WASM3 : [];
    const parameters = [...options, ...language, ...special, "-c", source, "-o", object];
    await run(isCpp ? "g++" : "gcc", parameters, { maxBuffer: 1 << 24 });
  };
  // Two at a time
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < units.length) {
      const index = next++;
      await compile(units[index], compiled[index]);
    }
  };
  await Promise.all([worker(), worker()]);
  const program = path.join(out, "program");
  await run("g++", [...OPTIONS, ...compiled, "-o", program, "-lm", "-lpthread"]);
  return program;
}

/** The fake's main program: what a test adds to the port. */
export const CONFORMANCE = [
  path.join(FAKE, "conformance.cpp"),
  path.join(projectRoot, "tests/hal/conformance.c"),
  path.join(projectRoot, "tests/hal/conformance_images.c"),
];
