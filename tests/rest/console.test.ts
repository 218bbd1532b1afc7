// The web console in a simulated browser, against a device with the real core; and what its files allow.

import { readFileSync } from "node:fs";
import path from "node:path";
import { JSDOM } from "jsdom";
import type { DOMWindow } from "jsdom";
import { VariableType } from "../../bindings/node";
import type { Device } from "../../bindings/node";
import { PASSWORD, RestFixture, USERNAME } from "../support/rest-fixture";
import { projectRoot } from "../support/fixture";

const fixture = new RestFixture();
const folder = path.join(projectRoot, "cloud/rest/console");
const EVIL = "<img src=x onerror=alert(1)>";
let window: DOMWindow;
let device: Device;
let id: string;

const $ = <T extends Element = HTMLElement>(selector: string): T => {
  const element = window.document.querySelector<T>(selector);
  if (!element) throw new Error(`nothing is ${selector}`);
  return element;
};
const textOf = (selector: string): string => $(selector).textContent ?? "";

/** Until a condition holds; the test's own timeout ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function submit(selector: string, fields: Record<string, string>): void {
  const form = $<HTMLFormElement>(selector);
  for (const [name, value] of Object.entries(fields)) {
    form.querySelector<HTMLInputElement>(`[name=${name}]`)!.value = value;
  }
  form.dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
}

/** The browser's fetch, by way of Node's: both know neither the objects nor the address of the other. */
function bridgeFetch(url: string, init: RequestInit & { body?: unknown } = {}): Promise<Response> {
  const controller = new AbortController();
  init.signal?.addEventListener("abort", () => controller.abort());
  const headers = { ...(init.headers as Record<string, string>) };
  const { body } = init;
  if (body instanceof window.URLSearchParams) {
    headers["content-type"] = "application/x-www-form-urlencoded";
  }
  return fetch(new URL(url, fixture.server.url), {
    ...{ method: init.method, headers, signal: controller.signal },
    body: body === undefined ? undefined : String(body as string),
  });
}

/** Open the page as it is served. jsdom has no modules: the files become one script. */
async function openPage(): Promise<void> {
  const html = await (await fetch(fixture.server.url)).text();
  const dom = new JSDOM(html, { url: fixture.server.url, runScripts: "outside-only" });
  window = dom.window;
  Object.assign(window, { fetch: bridgeFetch, TextDecoder });
  const read = (name: string): string => readFileSync(path.join(folder, name), "utf8");
  const files = ["api.js", "page.js", "traffic.js", "update.js", "console.js"];
  window.eval(
    `"use strict"; const modules = {};${files.map((file) => asBlock(file, read(file))).join("")}`,
  );
}

/** A module as a block of a script: imports and exports go through an object that the script has. */
function asBlock(name: string, source: string): string {
  const names = [...source.matchAll(/^export (?:async )?(?:function\*?|class|const) ([\w$]+)/gm)];
  const body = source
    .replace(/^export /gm, "")
    .replace(/^import (\{[^}]*\}) from "\.\/(.*)";$/gm, 'const $1 = modules["$2"];');
  expect(body).not.toMatch(/^(import|export)/m);
  return `{${body}\nmodules["${name}"] = {${names.map(([, exported]) => exported).join()}};}\n`;
}

beforeAll(async () => {
  await fixture.start();
  id = fixture.provision("kitchen", USERNAME);
  device = fixture.device("kitchen", id);
  device.function("double", (argument) => 2 * Number(argument));
  device.variable("text", VariableType.String, () => EVIL);
  const described = fixture.described(id);
  await device.connect();
  await described;
  await device.publish("before", "kept");
  await openPage();
});
afterAll(async () => {
  window.close();
  await fixture.stop();
});

test("a wrong password says so, the right one shows devices and the last events", async () => {
  expect($("main").hidden).toBe(true);
  submit("#login", { username: USERNAME, password: "wrong password" });
  await until(() => textOf("#problem") !== "");
  expect(textOf("#problem")).toBe("User credentials are invalid");
  submit("#login", { username: USERNAME, password: PASSWORD });
  await until(() => !$("main").hidden && textOf("#devices") !== "");
  expect(textOf("#problem")).toBe("");
  expect(textOf("#username")).toBe(USERNAME);
  expect($("#devices button").className).toBe("online");
  await until(() => textOf("#events").includes("before"));
  expect($<HTMLInputElement>("[name=password]").value).toBe("");
});

test("a device shows its facts, reads a variable, calls a function; its text is only text", async () => {
  $("#devices button").click();
  await until(() => textOf("#functions") !== "");
  expect(textOf("#facts")).toContain(id);
  expect(textOf("#variables")).toContain("text (string)");
  $("#variables button").click();
  await until(() => textOf("#variables output") !== "");
  expect(textOf("#variables output")).toBe(EVIL);
  $<HTMLInputElement>("#functions input").value = "21";
  $("#functions form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  await until(() => textOf("#functions output") !== "");
  expect(textOf("#functions output")).toBe("42");
  expect(window.document.querySelector("img")).toBeNull();
});

test("events come as they happen, those of the console among them", async () => {
  await until(() => fixture.server.api.streams.count === 1);
  await device.publish("live", EVIL);
  await until(() => textOf("#events").includes("live"));
  expect(textOf("#events tr:first-child td:nth-child(3)")).toBe(EVIL);
  submit("#publish", { name: "from/console", data: "x" });
  await until(() => textOf("#events").includes("from/console"));
  expect(textOf("#events tr:first-child td:last-child")).toBe("api");
  expect(window.document.querySelector("img")).toBeNull();
  submit("#publish", { name: "spark/status", data: "" });
  await until(() => textOf("#problem") !== "");
  expect(textOf("#problem")).toMatch(/reserved/);
});

test("traffic is shown while it is watched, and only the selected device's if so wished", async () => {
  $("#watch").click();
  await until(() => textOf("#datagrams").includes("E/live"));
  expect($("#watch").getAttribute("aria-pressed")).toBe("true");
  expect(textOf("#datagrams tr:first-child td:nth-child(2)")).toBe("kitchen");
  expect(textOf("#causes")).toContain("handshake");
  expect(textOf("#traffic-state")).toBe("Watching.");
  fixture.cloud.handleDatagram("stranger", Buffer.from(EVIL), 0);
  await until(() => textOf("#datagrams").includes("stranger"));
  $("#only-selected").click();
  await until(() => !textOf("#datagrams").includes("stranger"));
  await until(() => textOf("#datagrams").includes("E/live"));
  await device.publish(EVIL);
  await until(() => textOf("#datagrams").includes(EVIL));
  expect(window.document.querySelector("img")).toBeNull();
  $("#watch").click();
  await until(() => fixture.server.api.streams.count === 1);
  expect($("#watch").getAttribute("aria-pressed")).toBe("false");
  expect(textOf("#datagrams")).toContain(EVIL);
});

test("a device that goes is shown as offline", async () => {
  await device.disconnect({ goodbye: 1 });
  await until(() => $("#devices button").className === "offline");
});

test("logging out ends the token and the stream", async () => {
  const token = window.sessionStorage.getItem("wboson-token")!;
  $("#logout").click();
  await until(() => $("main").hidden);
  expect(textOf("#datagrams")).toBe("");
  expect(window.sessionStorage.length).toBe(0);
  expect((await fixture.request("GET", "/v1/user", { token })).status).toBe(401);
  await until(() => fixture.server.api.streams.count === 0);
});

test("the page loads nothing from elsewhere and stands in no other page", async () => {
  for (const file of ["", "console.js", "api.js", "page.js", "traffic.js", "console.css"]) {
    const response = await fetch(`${fixture.server.url}/${file}`);
    expect(response.status).toBe(200);
    const policy = response.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const text = await response.text();
    expect(text).not.toMatch(/https?:\/\//);
    expect(text).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|\seval\(|\son\w+="/);
  }
});
