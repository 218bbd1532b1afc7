// The console: log in, see devices and events, call, read, publish. Text from devices only ever becomes text.

import { ApiFailure, grant, pathOf, readStream, request, session } from "./api.js";
import { $, make } from "./page.js";
import { forgetTraffic, setUpTraffic } from "./traffic.js";
import { forgetUpdate, setUpUpdate, showUpdate } from "./update.js";

const MAX_EVENTS = 200;
/** ms until a broken stream is tried again, and between two looks at the devices. */
const RECONNECT_MS = 2000;
const REFRESH_MS = 10_000;
/** ms until a device that has just connected is asked for again what it offers. */
const DESCRIBE_MS = 500;

const main = document.querySelector("main");
/** Names of devices by id. */
const names = new Map();
let selected;
let mfaToken;
let stream;
let refresh;
let describing;

/** Run something, and show what goes wrong. */
async function attempt(work) {
  $("problem").textContent = "";
  try {
    await work();
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 401 && session.token) leave();
    $("problem").textContent = error.message;
  }
}

// ---- Session ----

async function enter() {
  const { username } = await request("GET", "/v1/user");
  $("username").textContent = username;
  $("user").hidden = false;
  $("login").hidden = true;
  main.hidden = false;
  $("events").replaceChildren();
  await showDevices();
  stream = new AbortController();
  void follow(stream.signal);
  refresh = setInterval(lookAgain, REFRESH_MS);
}

function leave() {
  session.token = null;
  stream?.abort();
  forgetTraffic();
  forgetUpdate();
  clearInterval(refresh);
  clearTimeout(describing);
  selected = undefined;
  main.hidden = true;
  $("user").hidden = true;
  $("device").hidden = true;
  $("login").hidden = false;
}

async function login(form) {
  const { username, password, otp } = Object.fromEntries(new FormData(form));
  try {
    if (mfaToken) {
      await grant({ grant_type: "urn:custom:mfa-otp", mfa_token: mfaToken, otp });
    } else {
      await grant({ grant_type: "password", username, password });
    }
  } catch (error) {
    mfaToken = error instanceof ApiFailure ? error.body.mfa_token : undefined;
    $("otp").hidden = mfaToken === undefined;
    throw error;
  }
  mfaToken = undefined;
  $("otp").hidden = true;
  form.reset();
  await enter();
  main.focus();
}

// ---- Devices ----

/** Look again, without being asked: whatever the user types, reads or has the focus on stays as it is. */
async function lookAgain() {
  try {
    await showDevices();
    if (selected !== undefined) await showDevice();
  } catch (error) {
    // That the cloud is not there is what #stream says.
    if (error instanceof ApiFailure && error.status === 401 && session.token) leave();
  }
}

async function showDevices() {
  const devices = await request("GET", "/v1/devices");
  devices.forEach(({ id, name }) => names.set(id, name));
  const list = $("devices");
  const items = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const wanted = devices.map((device) => {
    const item = items.get(device.id) ?? deviceItem(device.id);
    showState(item.firstChild, device);
    return item;
  });
  if (wanted.length === 0) wanted.push(make("li", {}, "No device is yours yet: boson keys make"));
  replaceUnlessSame(list, wanted);
}

function deviceItem(id) {
  const button = make("button", {});
  button.addEventListener("click", () => attempt(() => selectDevice(id)));
  const item = make("li", {}, button);
  item.dataset.id = id;
  return item;
}

function showState(button, { id, name, online }) {
  const state = online ? "online" : "offline";
  Object.assign(button, { className: state, textContent: name, title: `${id}, ${state}` });
  button.setAttribute("aria-pressed", String(id === selected));
}

/** An element that leaves the page loses its focus, and half a click. */
function replaceUnlessSame(list, items) {
  const same = list.children.length === items.length;
  if (same && items.every((item, index) => item === list.children[index])) return;
  list.replaceChildren(...items);
}

async function selectDevice(id) {
  selected = id;
  for (const list of [$("variables"), $("functions")]) {
    list.replaceChildren();
    delete list.dataset.of;
  }
  await showDevices();
  await showDevice();
}

/** Show the selected device. */
async function showDevice() {
  const id = selected;
  const device = await request("GET", pathOf("devices", id));
  if (id !== selected) return;
  $("device").hidden = false;
  $("device-name").textContent = device.name;
  const facts = {
    Id: device.id,
    State: device.online ? "online" : "offline",
    "Last heard": timeOf(device.last_heard),
    "Last handshake": timeOf(device.last_handshake_at),
    Address: device.last_ip_address,
    Product: device.product_id,
    "Device OS": device.system_firmware_version,
  };
  $("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [
      make("dt", {}, name),
      make("dd", {}, value === null || value === undefined ? "–" : String(value)),
    ]),
  );
  clearTimeout(describing);
  if (device.online && !device.functions) describing = setTimeout(lookAgain, DESCRIBE_MS);
  const variables = device.variables && Object.entries(device.variables);
  showOffers($("variables"), variables, ([name, type]) => variableItem(id, name, type));
  showOffers($("functions"), device.functions, (name) => functionItem(id, name));
  await showUpdate(id);
}

/** Make the items of a list anew if the device offers something else. While it is offline, nobody knows: what it offered
 * last stays, with results and what was typed. */
function showOffers(list, offers, itemOf) {
  const of = JSON.stringify(offers ?? null);
  if (list.dataset.of === of || (!offers && list.dataset.of !== undefined)) return;
  list.dataset.of = of;
  const items = (offers ?? []).map(itemOf);
  if (items.length === 0) items.push(make("li", {}, offers ? "None" : "Not known yet"));
  list.replaceChildren(...items);
}

function variableItem(id, name, type) {
  const output = make("output", {});
  const button = make("button", { ariaLabel: `Read ${name}` }, "Read");
  button.addEventListener("click", () =>
    attempt(async () => {
      output.textContent = String((await request("GET", pathOf("devices", id, name))).result);
    }),
  );
  return make("li", {}, button, ` ${name} (${type})`, output);
}

function functionItem(id, name) {
  const output = make("output", {});
  const argument = make("input", { ariaLabel: `Argument of ${name}`, placeholder: "argument" });
  const button = make("button", { ariaLabel: `Call ${name}` }, "Call");
  const form = make("form", {}, `${name} `, argument, " ", button, output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(async () => {
      const answer = await request("POST", pathOf("devices", id, name), { args: argument.value });
      output.textContent = String(answer.return_value);
    });
  });
  return make("li", {}, form);
}

// ---- Events ----

/** Follow the event stream, again and again, until the signal. Each time the last events come first. */
async function follow(signal) {
  let shown = new Set();
  const showLast = async () => {
    const events = await request("GET", `/v1/local/events?limit=${MAX_EVENTS}`);
    shown = new Set(events.map(keyOf));
    $("events").replaceChildren();
    events.forEach(showEvent);
    $("stream").textContent = "";
  };
  // What happens between the start of the stream and the answer is in both.
  const onEvent = (event) => shown.has(keyOf(event)) || handleEvent(event);
  while (!signal.aborted) {
    try {
      await readStream("/v1/devices/events", showLast, onEvent, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiFailure && error.status === 401) return leave();
    }
    $("stream").textContent = "The stream has ended; it is tried again.";
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

function keyOf({ name, data, published_at: time, coreid: from }) {
  return JSON.stringify([time, from, name, data ?? null]);
}

function handleEvent(event) {
  showEvent(event);
  if (event.name === "spark/status") void lookAgain();
}

function showEvent({ name, data, published_at: time, coreid: from }) {
  const cells = [timeOf(time), name, data ?? "", names.get(from) ?? from].map((text) =>
    make("td", {}, text),
  );
  cells.at(-1).title = from;
  $("events").prepend(make("tr", {}, ...cells));
  while ($("events").children.length > MAX_EVENTS) $("events").lastChild.remove();
}

function timeOf(iso) {
  return iso ? new Date(iso).toLocaleString() : null;
}

// ---- Start ----

setUpUpdate(attempt);
setUpTraffic(
  (id) => names.get(id) ?? id,
  () => selected,
  leave,
);
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt(() => login(event.target));
});
$("logout").addEventListener("click", () =>
  attempt(async () => {
    await request("DELETE", "/v1/access_tokens/current");
    leave();
    $("login").elements.username.focus();
  }),
);
$("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  void attempt(async () => {
    await request("POST", "/v1/devices/events", Object.fromEntries(new FormData(form)));
    form.reset();
  });
});
if (session.token) void attempt(enter);
else leave();
