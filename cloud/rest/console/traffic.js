// The traffic pane: datagrams as they come and go, what was in them, and what bytes are spent on. It follows the stream
// only while it is watched; what was seen last stays to be read.

import { readStream } from "./api.js";
import { $, make } from "./page.js";

const MAX_ROWS = 200;
/** ms until a broken stream is tried again. */
const RETRY_MS = 2000;

let watching;
/** Rows by the number of their datagram: one that finds its device late takes the place of its row. */
const rows = new Map();
let skipped = 0;

/**
 * Show what is sent, to the end of the session.
 * @param nameOf the name of a device
 * @param selected the id of the device that is selected, if there is one
 * @param onEnd the token is no longer good
 */
export function setUpTraffic(nameOf, selected, onEnd) {
  const start = () => {
    stopTraffic();
    watching = new AbortController();
    $("watch").setAttribute("aria-pressed", "true");
    $("traffic-view").hidden = false;
    rows.clear();
    skipped = 0;
    $("datagrams").replaceChildren();
    const id = $("only-selected").checked ? selected() : undefined;
    void follow(id, nameOf, watching.signal, onEnd);
  };
  $("watch").addEventListener("click", () => (watching ? stopTraffic() : start()));
  $("only-selected").addEventListener("change", () => watching && start());
}

export function stopTraffic() {
  watching?.abort();
  watching = undefined;
  $("watch").setAttribute("aria-pressed", "false");
  $("traffic-state").textContent = "";
}

/** Another session must not see what this one saw. */
export function forgetTraffic() {
  stopTraffic();
  $("datagrams").replaceChildren();
  $("causes").replaceChildren();
  $("traffic-view").hidden = true;
}

async function follow(id, nameOf, signal, onEnd) {
  const query = id === undefined ? "" : `?device=${encodeURIComponent(id)}`;
  const onOpen = () => ($("traffic-state").textContent = "Watching.");
  const onBatch = (batch) => signal.aborted || showBatch(batch, nameOf);
  while (!signal.aborted) {
    try {
      await readStream(`/v1/local/traffic/stream${query}`, onOpen, onBatch, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) return onEnd();
    }
    if (signal.aborted) return;
    $("traffic-state").textContent = "The stream has ended; it is tried again.";
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function showBatch({ datagrams, skipped: more, causes }, nameOf) {
  for (const datagram of datagrams) showDatagram(datagram, nameOf);
  skipped += more;
  const left = skipped === 0 ? "" : ` ${skipped} datagrams more than fit have been left out.`;
  $("traffic-state").textContent = `Watching.${left}`;
  $("causes").replaceChildren(...causes.map(causeRow));
}

function showDatagram(datagram, nameOf) {
  const { sequence, at, device, address, direction, bytes, cause, records, messages } = datagram;
  const isUp = direction === "in";
  const way = make("td", {}, `${isUp ? "↑" : "↓"} ${bytes}`);
  way.title = isUp ? "bytes to the cloud" : "bytes to the device";
  const from = make("td", { title: address }, device === undefined ? address : nameOf(device));
  const content = messages.length > 0 ? messages.map(textOf) : [records.join(", ")];
  const cells = [make("td", {}, timeOf(at)), from, way, make("td", {}, cause)];
  const row = make("tr", {}, ...cells, make("td", {}, content.join("; ")));
  const former = rows.get(sequence);
  rows.set(sequence, row);
  if (former) return former.replaceWith(row);
  $("datagrams").prepend(row);
  if (rows.size <= MAX_ROWS) return;
  const [[oldest, last]] = rows;
  last.remove();
  rows.delete(oldest);
}

/** "CON 0.02 E/kettle?x, 10 bytes, ID 4711, token 2a". */
function textOf({ type, code, id, token, path, query, block, payload }) {
  const target = (path ? ` ${path}` : "") + (query ? `?${query}` : "");
  return [
    `${type} ${code}${target}`,
    payload > 0 && `${payload} bytes`,
    block && `block ${block}`,
    `ID ${id}`,
    token && `token ${token}`,
  ]
    .filter(Boolean)
    .join(", ");
}

function causeRow({ cause, up, down }) {
  const cell = ({ bytes, datagrams }) => make("td", {}, `${bytes} in ${datagrams}`);
  return make("tr", {}, make("th", { scope: "row" }, cause), cell(up), cell(down));
}

/** With milliseconds. */
function timeOf(iso) {
  const digits = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return new Date(iso).toLocaleTimeString([], { ...digits, fractionalSecondDigits: 3 });
}
