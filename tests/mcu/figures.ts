// Figures of an emulated board: bytes of flash and RAM, and instructions, from the two bench images.
// Every figure can be repeated: the network is a recording, and the emulator counts instructions.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "../support/fixture";
import { type Image, buildImage } from "../support/mcu-build";
import { record, toC } from "./bench/recording";
import type { Phase } from "./bench/recording";

const run = promisify(execFile);
const CRYPTO = "build/mcu/crypto.wasm";
const TIMEOUT = 120_000;

/** What one phase of the device's life took: instructions, and bytes since the last reset. */
export interface PhaseFigures {
  instructions: number;
  static: number;
  heapPeak: number;
  heapNow: number;
  stackPeak: number;
}

export interface BoardFigures {
  sizes: Image["sizes"];
  phases: Record<Phase, PhaseFigures>;
  /** Instructions by piece: generate_key, ecdh, sign, verify, public_key, ccm64, sha1k, ... */
  pieces: Record<string, number>;
}

export interface Board {
  name: string;
  clockHz: number;
  userModule: number;
  memory: { ram: number; application: number };
  emulator: { machine: string };
}

export function readBoard(name: string): Board {
  const file = path.join(projectRoot, "boards", name, "board.json");
  return JSON.parse(readFileSync(file, "utf8")) as Board;
}

/** Run an image; instructions are nanoseconds of its clock. @returns its lines of JSON */
async function runImage(machine: string, image: string): Promise<Record<string, unknown>[]> {
  const { stderr } = await run(
    "qemu-system-arm",
    [
      ...["-M", machine, "-nographic", "-monitor", "none", "-serial", "null"],
      ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0,sleep=off"],
      ...["-kernel", image],
    ],
    { timeout: TIMEOUT },
  );
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Compile the module of the single pieces as the core is compiled. */
async function compilePieces(): Promise<string> {
  const job = {
    entries: ["tests/mcu/bench/crypto.as.ts"],
    outFile: CRYPTO,
    options: ["--config", "asconfig.json", "--lowMemoryLimit", "16384"],
    shrink: true,
  };
  const script = `import { compile } from "./tools/asc.mjs"; await compile(${JSON.stringify(job)});`;
  await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: projectRoot });
  return path.join(projectRoot, CRYPTO);
}

let prepared: Promise<{ recording: string; pieces: string }> | undefined;

async function prepare(): Promise<{ recording: string; pieces: string }> {
  const [recording, pieces] = await Promise.all([record(), compilePieces()]);
  return { recording: toC(recording), pieces };
}

/** Measure a board. @throws Error when the device sends other bytes than those recorded */
export async function measureBoard(name: string): Promise<BoardFigures> {
  prepared ??= prepare();
  const { recording, pieces } = await prepared;
  const { machine } = readBoard(name).emulator;
  const device = await buildImage(name, "bench", { generated: { "recording.c": recording } });
  const single = await buildImage(name, "crypto", { module: pieces });
  const phases = await runImage(machine, device.file);
  const work = await runImage(machine, single.file);
  return {
    sizes: device.sizes,
    phases: Object.fromEntries(phases.map((line) => [line.phase, line])) as never,
    pieces: Object.fromEntries(work.map((line) => [line.piece, line.instructions])) as never,
  };
}

/** RAM that a phase needed at most: static data, heap and stack. */
export function peakRam({ static: data, heapPeak, stackPeak }: PhaseFigures): number {
  return data + heapPeak + stackPeak;
}

/** The public-key work of one handshake: generate a key, agree, sign, verify. */
export function handshakeWork({
  generate_key,
  ecdh,
  sign,
  verify,
}: Record<string, number>): number {
  return generate_key + ecdh + sign + verify;
}
