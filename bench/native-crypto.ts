// What native crypto saves a device on WASM3: instructions and memory of boson-run from its start until
// it is connected to the local cloud, by a handshake and by taking up its session.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../cloud";
import { Run } from "../tests/support/boson-process";
import { buildNative } from "../tests/support/native-build";
import type { NativeCrypto } from "../tests/support/native-build";
import type { Result, Row } from "./table";

const root = path.resolve(__dirname, "..");

/** Row, module, native crypto of the host. */
const CASES: [id: string, module: string, crypto: NativeCrypto][] = [
  ["core", "boson", "none"],
  ["native-crypto, host without", "boson-native-crypto", "none"],
  ["native-crypto, Mbed TLS", "boson-native-crypto", "mbedtls"],
];

const VALGRIND = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];

interface Cost {
  /** Instructions of the whole process; undefined without valgrind. */
  instructions?: number;
  /** Most that WASM3 had allocated, bytes. */
  heapPeak: number;
}

/** Run a device until it is connected, and let it say goodbye. */
async function measure(options: string[], program: string, reason: string): Promise<Cost> {
  const hasValgrind = spawnSync("valgrind", ["--version"]).status === 0;
  const device = hasValgrind
    ? new Run("valgrind", [...VALGRIND, program, ...options])
    : new Run(program, options);
  await device.prints(new RegExp(`connection Connected ${reason} Ok`));
  await device.end("SIGTERM");
  const heapPeak = Number(/"heapPeak":(\d+)/.exec(device.output)![1]);
  const collected = /Collected : (\d+)/.exec(device.output);
  return { heapPeak, ...(collected && { instructions: Number(collected[1]) }) };
}

async function runCase(module: string, crypto: NativeCrypto): Promise<Omit<Row, "id">> {
  const program = await buildNative("boson-run", { crypto });
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-bench-"));
  const cloudDirectory = path.join(folder, "cloud");
  const deviceDirectory = path.join(folder, "device");
  provisionDevice({ cloudDirectory, deviceDirectory });
  const cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
  const listener = await UdpListener.listen(cloud, { port: 0 });
  const options = [
    ...["--module", path.join(root, `build/${module}.wasm`), "--storage", deviceDirectory],
    ...["--server", `localhost:${listener.address.port}`, "--statistics"],
  ];
  try {
    const handshake = await measure(options, program, "HandshakeDone");
    const resume = await measure(options, program, "SessionResumed");
    return {
      handshakeInstructions: handshake.instructions ?? "",
      resumeInstructions: resume.instructions ?? "",
      handshakeHeapPeak: handshake.heapPeak,
      resumeHeapPeak: resume.heapPeak,
    };
  } finally {
    await listener.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function run(): Promise<Result> {
  const rows: Row[] = [];
  const notes = [
    "instructions: of the whole process on this machine, goodbye included, by valgrind; empty without",
    "heapPeak: bytes that WASM3 allocated, 64 KB of linear memory included, code in pages of 32 KB; Mbed TLS has its own",
  ];
  for (const [id, module, crypto] of CASES) {
    try {
      rows.push({ id, ...(await runCase(module, crypto)) });
    } catch (error) {
      notes.push(`SKIPPED ${id}: ${(error as Error).message.trim().split("\n").pop()}`);
    }
  }
  return { rows, notes };
}
