// The table of boards, as it stands in README files between two markers.

const BEGIN = "<!-- boards:begin -->";
const END = "<!-- boards:end -->";

const kilobytes = (bytes) =>
  bytes >= 2 ** 20
    ? `${Number((bytes / 2 ** 20).toFixed(2))} MB`
    : `${Math.floor(bytes / 1024)} KB`;
const duration = (ms) => (ms < 60000 ? `${ms / 1000} s` : `${ms / 60000} min`);
const yesNo = (value) => (value ? "yes" : "no");

const LINKS = { wifi: "Wi-Fi", cellular: "cellular" };
const SETUP = { usb: "USB", ble: "BLE", softap: "Soft AP" };

const storageOf = ({ storage }) =>
  storage.kind === "files" ? "files" : `EEPROM, ${storage.bytes} B`;
const sessionOf = ({ session, retained }) =>
  session.kind === "retained" ? `retained RAM (of ${retained.bytes} B)` : "files";
const transportOf = ({ network }) =>
  network.transport === "udp" ? `UDP ${network.udpPort}` : `TCP ${network.tcpPort}`;
const slotsOf = ({ updates }) =>
  updates.applicationSlot > 0 ? `two slots of ${kilobytes(updates.applicationSlot)}` : "no room";
const nativeOf = ({ updates }) =>
  updates.native ? `into Device OS' slot, ${kilobytes(updates.systemSlot)}` : "no";
const microamperes = (value) => (value === null ? "–" : `${value} µA`);
const ofWifi = (cell) => (board) => (board.wifi === null ? "–" : cell(board.wifi));

/** [heading, its cell for a board] */
const ROWS = [
  ["MCU", (board) => `${board.mcu}, ${board.core}, ${board.clockHz / 10 ** 6} MHz`],
  ["platform id", (board) => board.platformId],
  ["Device OS", ({ deviceOs }) => `${deviceOs.minimum} to ${deviceOs.last ?? "now"}`],
  [
    "RAM, of it for an application",
    ({ memory }) => `${kilobytes(memory.ram)}, ${kilobytes(memory.application)}`,
  ],
  ["application binary", (board) => kilobytes(board.userModule)],
  ["linear memory of the module", (board) => kilobytes(board.linearMemory)],
  ["floating point in modules", (board) => yesNo(board.fpu !== "none")],
  ["link", (board) => LINKS[board.network.link]],
  ["cloud", transportOf],
  ["keepalive", (board) => duration(board.network.keepaliveMs)],
  ["event name, data", ({ limits }) => `${limits.eventName} B, ${limits.eventData} B`],
  [
    "function argument, variable value",
    ({ limits }) => `${limits.functionArgument} B, ${limits.variableValue} B`,
  ],
  ["keys", storageOf],
  ["session", sessionOf],
  ["updates of the application module", slotsOf],
  ["updates of the native firmware", nativeOf],
  ["hibernation", (board) => microamperes(board.sleep.hibernate)],
  ["wake by network", (board) => microamperes(board.sleep.networkWake)],
  [
    "2.4 GHz, 5 GHz",
    ofWifi(({ bands }) => `${yesNo(bands.includes("2.4"))}, ${yesNo(bands.includes("5"))}`),
  ],
  ["WPA2 Enterprise", ofWifi(({ wpa2Enterprise }) => yesNo(wpa2Enterprise))],
  ["networks of 802.11n only", ofWifi(({ only80211n }) => yesNo(only80211n))],
  ["captive portals", ofWifi(({ captivePortal }) => yesNo(captivePortal))],
  ["network without DHCP", ofWifi(({ staticAddressSince }) => `Device OS ${staticAddressSince}`)],
  ["Wi-Fi set-up", ofWifi(({ setup }) => setup.map((way) => SETUP[way]).join(", "))],
  ["IPv6", (board) => yesNo(board.network.ipv6)],
  ["emulated by", (board) => `QEMU ${board.emulator.machine}`],
];

/** @param {object[]} boards @returns {string} a table in Markdown */
export function matrixOf(boards) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(["", ...boards.map((board) => board.name)]),
    line(["---", ...boards.map(() => "---")]),
    ...ROWS.map(([heading, cell]) => line([heading, ...boards.map(cell)])),
  ].join("\n");
}

/**
 * Put the table between the markers of a text.
 * @param {string} text @param {string} table
 * @returns {string | null} null when the text has no markers
 */
export function insertMatrix(text, table) {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) return null;
  return `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${text.slice(end)}`;
}
