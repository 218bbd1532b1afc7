// What a board.json must have. Every field is required; a field that is not here is an error.

/** A check takes a value and answers what is wrong with it, or null. */
const text = (value) => (typeof value === "string" && value !== "" ? null : "not a text");
const flag = (value) => (typeof value === "boolean" ? null : "neither true nor false");
const whole = (least, most) => (value) =>
  Number.isInteger(value) && value >= least && value <= most
    ? null
    : `not a whole number, ${least}...${most}`;
const bytes = whole(1, 2 ** 32 - 1);
const address = whole(0, 2 ** 32 - 1);
const port = whole(1, 65535);
const microamperes = orNull(whole(1, 10 ** 6));

function oneOf(...values) {
  return (value) => (values.includes(value) ? null : `none of ${values.join(", ")}`);
}

function orNull(check) {
  return (value, path) => (value === null ? null : run(check, value, path));
}

function listOf(check) {
  return (value, path) => {
    if (!Array.isArray(value)) return "not a list";
    return value.flatMap((item, index) => run(check, item, `${path}[${index}]`));
  };
}

/** One of several shapes, chosen by the field `kind`. */
function byKind(shapes) {
  return (value, path) => {
    const shape = shapes[value?.kind];
    if (!shape) return run({ kind: oneOf(...Object.keys(shapes)) }, { kind: value?.kind }, path);
    return run({ kind: text, ...shape }, value, path);
  };
}

const region = { origin: address, length: bytes };

/** Fields that each need a note of their origin in `sources`. */
const FACTS = {
  platformId: whole(0, 65535),
  mcu: text,
  memory: {
    ram: bytes, // of the chip
    application: bytes, // of it, what Device OS leaves to an application
    flash: bytes, // of the chip
  },
  userModule: bytes, // flash that an application's binary may take
  linearMemory: whole(16384, 65536), // of the WebAssembly module
  wasmStack: whole(2048, 2 ** 20),
  compiledCode: whole(0, 2 ** 20), // that the interpreter keeps between calls; 0: all of it
  threadStack: whole(4096, 2 ** 20), // C stack of the thread that runs it
  deviceOs: {
    api: oneOf(2, 4), // the declarations that it is compiled with: 2.x, or 4.x and later
    minimum: text,
    last: orNull(text), // null: still supported
  },
  network: {
    link: oneOf("wifi", "cellular"),
    transport: oneOf("udp", "tcp"),
    udpPort: port,
    tcpPort: port,
    keepaliveMs: whole(1000, 2 ** 31 - 1),
    localPort: oneOf("system", "random"), // whether UDP.begin(0) lets the system pick one
    ipv6: flag,
  },
  limits: {
    // bytes
    eventName: whole(1, 65535),
    eventData: whole(1, 65535),
    functionArgument: whole(1, 65535),
    variableValue: whole(1, 65535),
  },
  storage: byKind({ files: { folder: text }, eeprom: { bytes } }),
  session: {
    kind: oneOf("retained", "files"),
    reservation: whole(1, 1024), // record numbers that one write reserves
  },
  updates: {
    // bytes of each of the two slots for an application module; 0: there is no room for them
    applicationSlot: whole(0, 65536),
    // where Device OS puts native firmware until the reset, bytes; ours writes none there
    systemSlot: bytes,
    native: flag, // whether the port hands native firmware to Device OS
  },
  retained: { bytes, feature: flag, survives: listOf(oneOf("reset", "sleep")) },
  sleep: {
    stop: microamperes,
    ultraLowPower: microamperes,
    hibernate: microamperes,
    networkWake: microamperes,
  },
  wifi: orNull({
    bands: listOf(oneOf("2.4", "5")), // GHz
    wpa2Enterprise: flag,
    only80211n: flag, // networks without 802.11b and g
    captivePortal: flag,
    staticAddressSince: text, // version of Device OS
    setup: listOf(oneOf("usb", "ble", "softap")),
  }),
  cellular: orNull({ modems: listOf(text) }),
};

const BOARD = {
  name: text,
  generation: whole(2, 9),
  core: text,
  clockHz: whole(10 ** 6, 10 ** 9),
  fpu: oneOf("none", "single", "double"),
  ...FACTS,
  emulator: {
    machine: text, // of qemu-system-arm
    cpu: listOf(text), // gcc's flags
    flash: region,
    ram: region,
    uart: { kind: oneOf("stm32", "cmsdk"), address },
  },
  sources: (value, path, board) => {
    const wanted = Object.keys(FACTS).filter((name) => board[name] !== null);
    return run(Object.fromEntries(wanted.map((name) => [name, text])), value, path);
  },
};

/** @returns {string[]} problems of a value, each with its path */
function run(check, value, path, board) {
  if (typeof check === "function") {
    const found = check(value, path, board);
    return found === null ? [] : Array.isArray(found) ? found : [`${path}: ${found}`];
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return [`${path}: not an object`];
  }
  const below = (name) => (path ? `${path}.${name}` : name);
  const unknown = Object.keys(value).filter((name) => !(name in check));
  const problems = unknown.map((name) => `${below(name)}: unknown field`);
  for (const [name, inner] of Object.entries(check)) {
    if (!(name in value)) problems.push(`${below(name)}: missing`);
    else problems.push(...run(inner, value[name], below(name), board ?? value));
  }
  return problems;
}

/** What must hold between fields: [whether it holds, what is wrong]. */
function relations(board) {
  const { memory, linearMemory, wasmStack, threadStack, retained, session, wifi, network } = board;
  return [
    [board.userModule <= memory.flash, "userModule: more than memory.flash"],
    [memory.application <= memory.ram, "memory.application: more than memory.ram"],
    [
      linearMemory + wasmStack + board.compiledCode + threadStack <= memory.application,
      "linearMemory, wasmStack, compiledCode and threadStack: more than memory.application",
    ],
    [
      session.kind !== "retained" || retained.survives.includes("reset"),
      "session.kind: retained memory does not survive a reset",
    ],
    [
      session.kind !== "files" || board.storage.kind === "files",
      "session.kind: storage has no files",
    ],
    [
      board.updates.applicationSlot === 0 || board.storage.kind === "files",
      "updates.applicationSlot: storage has no files",
    ],
    [board.updates.applicationSlot % 4096 === 0, "updates.applicationSlot: not a multiple of 4096"],
    [(network.link === "wifi") === (wifi !== null), "wifi: does not go with network.link"],
    [
      (network.link === "cellular") === (board.cellular !== null),
      "cellular: does not go with network.link",
    ],
    [board.emulator.ram.length <= 2 * memory.ram, "emulator.ram.length: far more than memory.ram"],
  ];
}

/**
 * Check one board.
 * @param {unknown} board content of a board.json
 * @returns {string[]} what is wrong, as "network.udpPort: missing"; none for a good one
 */
export function problemsOf(board) {
  const problems = run(BOARD, board, "");
  if (problems.length > 0) return problems;
  return relations(board).flatMap(([holds, problem]) => (holds ? [] : [problem]));
}
