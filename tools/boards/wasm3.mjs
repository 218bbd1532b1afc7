// How WASM3 and the binding are built for a board.

/** C stack below WASM3's own, which calls of the HAL may need, bytes. */
const NATIVE_MARGIN = 3072;

/**
 * @param {object} board content of its board.json
 * @returns {Record<string, number>} preprocessor definitions
 */
export function wasm3Settings({ fpu, threadStack }) {
  return {
    PARTICLE: 1, // its choice of small tables
    d_m3MaxFunctionStackHeight: 256, // the handshake needs it: bindings/wasm3/README.md
    d_m3HasFloat: Number(fpu !== "none"),
    d_m3MaxNativeStack: threadStack - NATIVE_MARGIN,
    // Of the names and constants of each function only as many are kept in RAM; bindings/wasm3 reads
    // the names of exports from the module.
    d_m3MaxDuplicateFunctionImpl: 1,
    d_m3MaxConstantTableSize: 32,
  };
}

/**
 * @param {object} board content of its board.json
 * @returns {Record<string, number>} preprocessor definitions for bindings/wasm3
 */
export function bindingSettings({ network }) {
  // Without TCP nothing waits for a socket.
  return network.transport === "udp" ? { BOSON_FRAME_SIZE: 1 } : {};
}

/** Linear memory of the core that takes updates, bytes: its static RAM (tools/check/budget.json). */
const OTA_LINEAR_MEMORY = 27648;
/** RAM from which an application gets a whole page. */
const ROOMY = 131072;

/**
 * What an application module is given on a board, bytes. `image` is also the most that an update of it
 * may have: it stays in RAM while it runs.
 * @param {object} board content of its board.json
 * @returns {{core: number, image: number, memory: number, stack: number, code: number} | null} null
 *   where there is no room to keep one
 */
export function applicationSettings({ updates, memory, linearMemory }) {
  if (updates.applicationSlot === 0) return null;
  const core = Math.max(linearMemory, OTA_LINEAR_MEMORY);
  if (memory.application >= ROOMY) {
    return { core, image: updates.applicationSlot, memory: 65536, stack: 4096, code: 0 };
  }
  return { core, image: 12288, memory: 8192, stack: 2048, code: 4096 };
}
