// The emulated boards: flash, RAM and instructions. Seconds at the board's clock are derived: one
// instruction a cycle is assumed, which a Cortex-M does not reach.

import { handshakeWork, measureBoard, peakRam, readBoard } from "../tests/mcu/figures";
import { measureUpdates, ramOf } from "../tests/mcu/update-figures";
import { missingForBoards } from "../tests/support/mcu-build";
import type { Result, Row } from "./table";

/** One board for each machine; Boron is Argon's. */
const BOARDS = ["electron", "argon", "photon2"];
/** Those of them that have room for an application module. */
const UPDATED = ["argon", "photon2"];

async function rowOf(name: string): Promise<Row> {
  const { sizes, phases, pieces } = await measureBoard(name);
  const { clockHz, memory } = readBoard(name);
  const flash = { wasm3: sizes.wasm3.flash, glue: sizes.glue.flash, module: sizes.module.flash };
  const steady = [phases.resume, phases.publish, phases.event, phases.call].map(peakRam);
  const seconds = (instructions: number): number => Number((instructions / clockHz).toPrecision(3));
  return {
    id: name,
    flashWasm3: flash.wasm3,
    flashGlue: flash.glue,
    flashModule: flash.module,
    flashTotal: flash.wasm3 + flash.glue + flash.module,
    ramStatic: phases.connect.static,
    heapPeak: phases.connect.heapPeak,
    stackPeak: Math.max(...Object.values(phases).map(({ stackPeak }) => stackPeak)),
    ramPeakHandshake: peakRam(phases.connect),
    ramSteady: Math.max(...steady),
    ramBetweenCalls: phases.call.static + phases.call.heapNow,
    ramOfApplication: memory.application,
    instrHandshakeCrypto: handshakeWork(pieces),
    instrConnect: phases.connect.instructions,
    instrResume: phases.resume.instructions,
    instrPublish: phases.publish.instructions,
    instrEvent: phases.event.instructions,
    instrCoapDecode: pieces.coap_decode,
    instrCcm64: pieces.ccm64,
    instrSha1k: pieces.sha1k,
    instrRsa1024Private: pieces.rsa1024_private,
    instrRsa2048Public: pieces.rsa2048_public,
    derivedConnectSeconds: seconds(phases.connect.instructions),
    derivedPublishSeconds: seconds(phases.publish.instructions),
  };
}

/** The core that takes updates, and an application beside it. */
async function updateRowOf(name: string): Promise<Row> {
  const { sizes, file, connect, update, steady } = await measureUpdates(name);
  const flash = { wasm3: sizes.wasm3.flash, glue: sizes.glue.flash, module: sizes.module.flash };
  return {
    id: `${name}-updates`,
    flashWasm3: flash.wasm3,
    flashGlue: flash.glue,
    flashModule: flash.module,
    flashTotal: flash.wasm3 + flash.glue + flash.module,
    fileOfApplication: file,
    ramStatic: connect.static,
    heapPeak: Math.max(connect.heapPeak, update.heapPeak),
    stackPeak: Math.max(connect.stackPeak, update.stackPeak, steady.stackPeak),
    ramPeakHandshake: ramOf(connect),
    ramPeakUpdate: ramOf(update),
    ramSteady: ramOf(steady),
    ramOfApplication: readBoard(name).memory.application,
  };
}

export async function run(): Promise<Result> {
  const missing = missingForBoards();
  if (missing) throw new Error(missing);
  const rows: Row[] = [];
  for (const name of BOARDS) rows.push(await rowOf(name));
  for (const name of UPDATED) rows.push(await updateRowOf(name));
  return {
    rows,
    notes: [
      "flash..., ram..., heap..., stack...: bytes; instr...: instructions, the same in each run",
      "ramPeakHandshake, ramSteady: static data + highest heap + deepest stack, from power on to",
      "connected by a handshake, and from a reset through resume, publish, event and call",
      "ramOfApplication: what Device OS leaves to an application (boards/BOARD/board.json)",
      "...-updates: boson-ota.wasm, and the sensor of the examples as an application of fileOfApplication",
      "bytes, flashed over loopback; its image (up to 12 KB) and linear memory (8 KB) are among the RAM",
      "electron, argon: compiled code is let go of between calls and compiled again (compiledCode)",
      "derived...Seconds: at the board's clock and one instruction a cycle: a lower bound",
    ],
  };
}
