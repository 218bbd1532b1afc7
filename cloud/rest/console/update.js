// The update of the selected device: what runs, a file to flash, and how far that is. Devices apply it by themselves.

import { pathOf, request, upload } from "./api.js";
import { $, make } from "./page.js";

/** ms between two looks at an update that is under way. */
const POLL_MS = 500;

const TEXTS = {
  none: "",
  waiting: "The device is away; the update goes on when it is back.",
  started: "The device gets ready.",
  progress: "Sending.",
  verifying: "The device checks the file.",
  done: "The device has taken the file.",
  failed: "The update failed.",
};

let shownId;
let timer;

/**
 * Let the form work.
 * @param attempt runs something and shows what goes wrong
 */
export function setUpUpdate(attempt) {
  $("flash").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = shownId;
    const [file] = $("file").files;
    void attempt(async () => {
      await upload(pathOf("devices", id), file);
      $("flash").reset();
      await showUpdate(id);
    });
  });
  $("cancel-update").addEventListener("click", () => {
    const id = shownId;
    void attempt(async () => {
      await request("DELETE", pathOf("local", "devices", id, "update"));
      await showUpdate(id);
    });
  });
}

/** Show the update and the modules of a device, and follow what is under way. */
export async function showUpdate(id) {
  clearTimeout(timer);
  if (id !== shownId) clear();
  shownId = id;
  const { modules, update } = await request("GET", pathOf("local", "devices", id, "modules"));
  if (id !== shownId) return;
  $("modules").replaceChildren(...modules.map(moduleItem));
  const underWay = update.state !== "none" && update.ended_at === null;
  $("update-progress").hidden = !underWay;
  $("update-progress").value = update.size > 0 ? update.sent / update.size : 0;
  setText($("update-state"), stateOf(update));
  if (underWay) timer = setTimeout(() => showUpdate(id).catch(() => {}), POLL_MS);
}

/** Nothing more is followed. */
export function forgetUpdate() {
  clearTimeout(timer);
  shownId = undefined;
}

function clear() {
  $("flash").reset();
  $("update-progress").hidden = true;
  $("update-state").textContent = "";
}

function stateOf({ state, ended_at: endedAt, message }) {
  const text = state === "failed" && message ? message : TEXTS[state];
  return endedAt === null ? text : `${text} ${new Date(endedAt).toLocaleString()}`;
}

/** What is read out is not read out again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function moduleItem({ store, type, version, size }) {
  const bytes = size === null ? "" : `, ${size} bytes`;
  return make("li", {}, `${store}: ${type}, version ${version}${bytes}`);
}
