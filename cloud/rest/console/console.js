// The console: log in, see devices and events, call, read, publish. Text from devices only ever becomes text.

import { ApiFailure, grant, pathOf, readStream, request, session } from "./api.js";

const MAX_EVENTS = 200;
/** ms until a broken stream is tried again, and between two looks at the devices. */
const RECONNECT_MS = 2000;
const REFRESH_MS = 10_000;

const $ = (id) => document.getElementById(id);
const main = document.querySelector("main");
let selected;
let mfaToken;
let stream;
let refresh;

/** Make an element. Properties are set, children are nodes or text. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

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
  const events = await request("GET", "/v1/local/events?limit=50");
  $("events").replaceChildren();
  events.forEach(showEvent);
  await showDevices();
  stream = new AbortController();
  void follow(stream.signal);
  refresh = setInterval(() => attempt(showDevices), REFRESH_MS);
}

function leave() {
  session.token = null;
  stream?.abort();
  clearInterval(refresh);
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
}

// ---- Devices ----

async function showDevices() {
  const devices = await request("GET", "/v1/devices");
  const items = devices.map(({ id, name, online }) => {
    const button = make("button", { className: online ? "online" : "offline" }, name);
    button.title = `${id}, ${online ? "online" : "offline"}`;
    button.setAttribute("aria-pressed", String(id === selected));
    button.addEventListener("click", () => attempt(() => selectDevice(id)));
    return make("li", {}, button);
  });
  if (items.length === 0) items.push(make("li", {}, "No device is yours yet: boson keys make"));
  $("devices").replaceChildren(...items);
}

async function selectDevice(id) {
  selected = id;
  await showDevices();
  const device = await request("GET", pathOf("devices", id));
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
  const variables = Object.entries(device.variables ?? {});
  $("variables").replaceChildren(...variables.map(([name, type]) => variableItem(id, name, type)));
  $("functions").replaceChildren(...(device.functions ?? []).map((name) => functionItem(id, name)));
}

function variableItem(id, name, type) {
  const output = make("output", {});
  const button = make("button", { title: `read ${name}` }, "Read");
  button.addEventListener("click", () =>
    attempt(async () => {
      output.textContent = String((await request("GET", pathOf("devices", id, name))).result);
    }),
  );
  return make("li", {}, button, ` ${name} (${type})`, output);
}

function functionItem(id, name) {
  const output = make("output", {});
  const argument = make("input", { ariaLabel: `argument of ${name}`, placeholder: "argument" });
  const form = make("form", {}, `${name} `, argument, " ", make("button", {}, "Call"), output);
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

/** Follow the event stream, again and again, until the signal. */
async function follow(signal) {
  while (!signal.aborted) {
    try {
      $("stream").textContent = "";
      await readStream("/v1/devices/events", handleEvent, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiFailure && error.status === 401) return leave();
    }
    $("stream").textContent = "The stream has ended; it is tried again.";
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

function handleEvent(event) {
  showEvent(event);
  if (event.name === "spark/status") void attempt(showDevices);
}

function showEvent({ name, data, published_at: time, coreid: from }) {
  const cells = [timeOf(time), name, data ?? "", from].map((text) => make("td", {}, text));
  $("events").prepend(make("tr", {}, ...cells));
  while ($("events").children.length > MAX_EVENTS) $("events").lastChild.remove();
}

function timeOf(iso) {
  return iso ? new Date(iso).toLocaleString() : null;
}

// ---- Start ----

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt(() => login(event.target));
});
$("logout").addEventListener("click", () =>
  attempt(async () => {
    await request("DELETE", "/v1/access_tokens/current");
    leave();
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
