// The web console in a real browser, against a cloud on loopback and a device with the real core.

import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { VariableType } from "../../bindings/node";
import type { Device } from "../../bindings/node";
import { WatchedPage, browserDescribe, launchBrowser } from "../support/chromium";
import { paleTexts } from "../support/contrast";
import { login, shows } from "../support/console-page";
import { FlashDevice } from "../support/flash-device";
import { fileOf } from "../support/flash-world";
import { PASSWORD, RestFixture, USERNAME } from "../support/rest-fixture";
import type { ReceiverFaults } from "../support/update-receiver";

/** Nothing in it lets a line break. */
const LONG = "x".repeat(600);

browserDescribe()("the web console in Chromium", () => {
  const fixture = new RestFixture();
  const calls: string[] = [];
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;
  let device: Device;
  let id: string;
  /** The first event from the cloud. */
  let received: Promise<string>;

  beforeAll(async () => {
    await fixture.start();
    id = fixture.provision("kitchen", USERNAME);
    device = fixture.device("kitchen", id);
    device.function("double", (argument) => {
      calls.push(argument);
      return 2 * Number(argument);
    });
    device.variable("temperature", VariableType.Double, () => 21.5);
    device.variable("long", VariableType.String, () => LONG);
    received = new Promise((resolve) => {
      device.subscribe("config/", (name, data) =>
        resolve(`${name} ${Buffer.from(data).toString()}`),
      );
    });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await fixture.stop();
  });
  beforeEach(async () => {
    watched = await WatchedPage.open(browser, fixture.server.url);
    page = watched.page;
  });
  afterEach(async () => {
    await watched.context.close();
    expect(watched.problems).toEqual([]);
  });

  test("a device that is offline shows what it offers as soon as it is online", async () => {
    await login(page);
    await page.locator("#devices .offline").click();
    await shows(page, "#facts", /State\s*offline/);
    expect(await page.locator("#functions form, #variables button").count()).toBe(0);
    const described = fixture.described(id);
    await device.connect();
    await described;
    await page.locator("#devices .online").waitFor();
    await shows(page, "#functions", "double");
    await shows(page, "#variables", "temperature (double)");
    await shows(page, "#facts", /State\s*online/);
  });

  test("an event comes live, a variable is read, a function called, an event published", async () => {
    await login(page);
    await page.getByRole("button", { name: "kitchen" }).click();
    await device.publish("kettle", "boils");
    await shows(page, "#events tr:first-child", /kettle\s*boils/);
    await page.getByRole("button", { name: "Read temperature" }).click();
    await shows(page, "#variables output", /^21\.5$/);
    await page.getByLabel("Argument of double").fill("21");
    await page.getByRole("button", { name: "Call double" }).click();
    await shows(page, "#functions output", /^42$/);
    expect(calls).toEqual(["21"]);
    await page.getByLabel("Name", { exact: true }).fill("config/interval");
    await page.getByLabel("Data", { exact: true }).fill("60");
    await page.getByRole("button", { name: "Publish" }).click();
    await shows(page, "#events tr:first-child", /config\/interval\s*60\s*api/);
    expect(await received).toBe("config/interval 60");
  });

  test("events that come while the stream begins are shown, each once", async () => {
    await page.route("**/v1/devices/events", async (route) => {
      await device.publish("before the stream");
      await route.continue();
    });
    await page.route("**/v1/local/events*", async (route) => {
      await device.publish("before the log");
      await route.continue();
    });
    await login(page);
    await shows(page, "#events", "before the log");
    await device.publish("after both");
    await shows(page, "#events tr:first-child", "after both");
    const names = await page.locator("#events td:nth-child(2)").allTextContents();
    expect(names.slice(0, 3)).toEqual(["after both", "before the log", "before the stream"]);
    expect(names.filter((name) => name.startsWith("before"))).toHaveLength(2);
  });

  test("traffic: what is sent, decoded, as it comes; it is stopped, and begins anew", async () => {
    await login(page);
    await page.getByRole("button", { name: "Watch" }).click();
    await shows(page, "#traffic-state", /^Watching\.$/);
    await shows(page, "#causes", /handshake\s*\d+ in \d+/);
    await device.publish("watched", "12345");
    await shows(page, "#datagrams tr", /↑ \d+\s*publish\s*CON 0\.02 E\/watched, 5 bytes, ID \d+/);
    await shows(page, "#datagrams tr:first-child", /kitchen\s*↓ \d+\s*publish\s*ACK 0\.00, ID \d+/);
    await page.getByRole("button", { name: "Watch" }).click();
    expect(await page.locator("#watch").getAttribute("aria-pressed")).toBe("false");
    const rows = await page.locator("#datagrams tr").count();
    await device.publish("unwatched");
    expect(await page.locator("#datagrams tr").count()).toBe(rows);
    await page.getByRole("button", { name: "Watch" }).click();
    await shows(page, "#datagrams tr", "E/unwatched");
  });

  test("everything can be done with the keyboard, and the focus stays where it is", async () => {
    const { keyboard } = page;
    await watched.tabTo("[name=username]");
    await keyboard.press("ControlOrMeta+A");
    await keyboard.type(USERNAME);
    await watched.tabTo("[name=password]");
    await keyboard.type(PASSWORD);
    await keyboard.press("Enter");
    await page.locator("main:focus").waitFor();
    await watched.tabTo("#devices button");
    await keyboard.press("Enter");
    await shows(page, "#functions", "double");
    // What comes from elsewhere takes nothing away from who is typing.
    expect(await page.locator("#devices button:focus").count()).toBe(1);
    await watched.tabTo("#variables li:first-child button");
    await keyboard.press("Space");
    await shows(page, "#variables output", "21.5");
    await watched.tabTo("#functions input");
    await keyboard.type("4");
    await device.disconnect({ goodbye: 1 });
    await shows(page, "#facts", /State\s*offline/);
    await device.connect();
    await shows(page, "#facts", /State\s*online/);
    await keyboard.type("0");
    await keyboard.press("Enter");
    await shows(page, "#functions output", "80");
    await watched.tabTo("#publish [name=name]");
    await keyboard.type("typed");
    await keyboard.press("Enter");
    await shows(page, "#events tr:first-child", "typed");
    await watched.tabTo("#watch");
    await keyboard.press("Enter");
    await shows(page, "#datagrams tr", "E/watched");
    expect(await page.locator("#watch:focus").count()).toBe(1);
    await keyboard.press("Tab");
    await keyboard.press("Space");
    expect(await page.locator("#only-selected:checked").count()).toBe(1);
    await keyboard.press("Shift+Tab");
    await keyboard.press("Shift+Tab");
    await keyboard.press("Shift+Tab");
    await keyboard.press("Shift+Tab");
    // Backwards, from the form's first field to the top of the page.
    for (let count = 0; count < 20; count++) {
      if ((await page.locator("#logout:focus").count()) === 1) break;
      await keyboard.press("Shift+Tab");
    }
    await keyboard.press("Enter");
    await page.locator("[name=username]:focus").waitFor();
  });

  test("a device is flashed with the keyboard; how far it is shows, and what runs", async () => {
    const deviceId = fixture.provision("cellar", USERNAME);
    const faults: ReceiverFaults = { finishDelayMs: 600_000 };
    const cellar = new FlashDevice(fixture.devicePort, path.join(fixture.folder, "cellar"), faults);
    await cellar.connect();
    await login(page);
    await page.getByRole("button", { name: "cellar" }).click();
    await shows(page, "#facts", /State\s*online/);
    const file = fileOf(20_000);
    await page.setInputFiles("#file", { name: "app.image", mimeType: "", buffer: file });
    await watched.tabTo("#flash button:not([type])");
    await page.keyboard.press("Enter");
    await shows(page, "#update-state", "The device checks the file.");
    expect(await page.locator("#update-progress").getAttribute("hidden")).toBeNull();
    expect(await page.locator("#update-progress").evaluate((bar) => bar["value" as never])).toBe(1);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await shows(page, "#update-state", /cancelled/);
    expect(await page.locator("#update-progress").isVisible()).toBe(false);
    faults.finishDelayMs = 1;
    await page.setInputFiles("#file", { name: "app.image", mimeType: "", buffer: file });
    await page.getByRole("button", { name: "Flash" }).click();
    await shows(page, "#update-state", /The device has taken the file. .*20/);
    expect(cellar.receiver.accepted?.equals(file)).toBe(true);
    expect(fixture.cloud.device(deviceId).online).toBe(true);
    cellar.close();
  });

  const looks = [375, 1280].flatMap((width) =>
    (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
  );
  test.each(looks)("$width px wide and $colorScheme: nothing is cut off or pale", async (look) => {
    await page.setViewportSize({ width: look.width, height: 800 });
    await page.emulateMedia({ colorScheme: look.colorScheme });
    expect(await watched.overflow()).toBe(0);
    expect(await paleTexts(page)).toEqual([]);
    await login(page);
    await page.getByRole("button", { name: "kitchen" }).click();
    await page.getByRole("button", { name: "Read long" }).click();
    await shows(page, "#variables output", LONG);
    await device.publish(LONG.slice(0, 64), LONG);
    await shows(page, "#events tr:first-child", LONG);
    await page.getByRole("button", { name: "Watch" }).click();
    await shows(page, "#datagrams tr", LONG.slice(0, 64));
    // A name that the API refuses; the browser says so on its console, too.
    await page.getByLabel("Name", { exact: true }).fill("spark/status");
    await page.getByRole("button", { name: "Publish" }).click();
    await shows(page, "#problem", /reserved/);
    expect(watched.problems.splice(0)).toEqual([expect.stringContaining("status of 400")]);
    expect(await watched.overflow()).toBe(0);
    expect(await paleTexts(page)).toEqual([]);
  });
});
