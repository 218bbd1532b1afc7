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
