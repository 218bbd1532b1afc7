// Figures of an emulated board: bytes of flash and RAM, and instructions, from the two bench images.
// Every figure can be repeated: the network is a recording, and the emulator counts instructions.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { exportPkcs1 } from "../../cloud/tcp/rsa-keys";
import { projectRoot } from "../support/fixture";
import { type Image, buildImage } from "../support/mcu-build";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY } from "../support/tcp-keys";
import { record, toC } from "./bench/recording";
import type { Phase } from "./bench/recording";

const run = promisify(execFile);
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

interface Pieces {
  entry: string;
  outFile: string;
  /** Further options of asc. */
  options?: string[];
  /** What takes the place of a comment and the 0 behind it. */
  values?: Record<string, string>;
}

/** Compile a module of single pieces as the core is compiled. @returns its file */
async function compilePieces(pieces: Pieces): Promise<string> {
  const script = `
    import { compile } from "./tools/asc.mjs";
    const { entry, outFile, options = [], values = {} } = ${JSON.stringify(pieces)};
    await compile({
      entries: [entry],
      outFile,
      options: ["--config", "asconfig.json", "--lowMemoryLimit", "16384", ...options],
      shrink: true,
      substitute: (file, text) =>
        file !== entry ? text : text.replace(/\\/\\* ([A-Z_]+) \\*\\/ 0/g, (_, name) => values[name]),
    });`;
  await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: projectRoot });
  return path.join(projectRoot, pieces.outFile);
}

/** The single pieces of the TCP channel, with keys for tests. */
function rsaPieces(): Pieces {
  const der = exportPkcs1(TEST_DEVICE_KEY);
  const { n } = TEST_SERVER_KEY.publicKey.export({ format: "jwk" });
  return {
    entry: "tests/mcu/bench/rsa.as.ts",
    outFile: "build/mcu/rsa.wasm",
    options: ["--use", "abort=", "--use", "WBOSON_TCP=1"],
    values: {
      DER: [...der].join(","),
      DER_LENGTH: String(der.length),
      MODULUS: [...Buffer.from(n!, "base64url")].join(","),
    },
  };
}

let prepared: Promise<{ recording: string; pieces: string[] }> | undefined;

async function prepare(): Promise<{ recording: string; pieces: string[] }> {
  const core = { entry: "tests/mcu/bench/crypto.as.ts", outFile: "build/mcu/crypto.wasm" };
  const pieces = [await compilePieces(core), await compilePieces(rsaPieces())];
  return { recording: toC(await record()), pieces };
}

/** Measure a board. @throws Error when the device sends other bytes than those recorded */
export async function measureBoard(name: string): Promise<BoardFigures> {
  prepared ??= prepare();
  const { recording, pieces } = await prepared;
  const { machine } = readBoard(name).emulator;
  const device = await buildImage(name, "bench", { generated: { "recording.c": recording } });
  const phases = await runImage(machine, device.file);
  const work: Record<string, unknown>[] = [];
  for (const module of pieces) {
    const image = await buildImage(name, "crypto", { module });
    work.push(...(await runImage(machine, image.file)));
  }
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
