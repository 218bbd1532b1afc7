// What an emulated board needs, held to its limits: the same figures as `npm run bench -- mcu`. The
// images also prove that the module sends the very bytes on a board that it sent in Node.

import { boardTest } from "../support/mcu-build";
import { measureUpdates, ramOf } from "./update-figures";
import { type BoardFigures, handshakeWork, measureBoard, peakRam, readBoard } from "./figures";

const boards = boardTest();

/** RAM of the whole firmware at the peak of a handshake, and after a resume, bytes. */
const LIMITS: Record<string, { handshake: number; steady: number }> = {
  electron: { handshake: 96 * 1024, steady: 64 * 1024 },
  argon: { handshake: 96 * 1024, steady: 68 * 1024 },
  photon2: { handshake: 256 * 1024, steady: 256 * 1024 },
};

describe.each(Object.entries(LIMITS))("the emulated %s", (name, limit) => {
  let figures: BoardFigures;

  boards("sends what was recorded in Node, to the byte", async () => {
    figures = await measureBoard(name);
    expect(Object.keys(figures.phases)).toEqual(["connect", "resume", "publish", "event", "call"]);
  });

  boards("WASM3, binding and module fit into an application's flash", () => {
    const { wasm3, glue, module } = figures.sizes;
    expect(module.flash).toBeGreaterThan(30_000);
    expect(wasm3.flash + glue.flash + module.flash).toBeLessThanOrEqual(readBoard(name).userModule);
  });

  boards("RAM stays within its limits", () => {
    const { connect, ...steady } = figures.phases;
    expect(peakRam(connect)).toBeLessThanOrEqual(limit.handshake);
    for (const phase of Object.values(steady)) {
      expect(peakRam(phase)).toBeLessThanOrEqual(limit.steady);
    }
  });

  boards("the public-key work of a handshake is below 100 million instructions", () => {
    const work = handshakeWork(figures.pieces);
    expect(work).toBeGreaterThan(10_000_000);
    expect(work).toBeLessThanOrEqual(100_000_000);
  });

  boards(
    "sealing 64 bytes takes less than 300,000 instructions, SHA-256 of 1 KB 1.2 million",
    () => {
      expect(figures.pieces.ccm64).toBeLessThan(300_000);
      expect(figures.pieces.sha1k).toBeLessThan(1_200_000);
    },
  );
});

/** RAM with the core that takes updates and an application of 5 KB beside it, bytes. */
const UPDATE_LIMITS: Record<string, number> = { argon: 152 * 1024, photon2: 384 * 1024 };

describe.each(Object.entries(UPDATE_LIMITS))("updates on the emulated %s", (name, limit) => {
  boards("RAM and flash stay within their limits", async () => {
    const { sizes, file, connect, update, steady } = await measureUpdates(name);
    expect(file).toBeLessThan(6000);
    for (const ram of [connect, update, steady]) expect(ramOf(ram)).toBeLessThanOrEqual(limit);
    const { wasm3, glue, module } = sizes;
    expect(wasm3.flash + glue.flash + module.flash).toBeLessThanOrEqual(readBoard(name).userModule);
  });
});
