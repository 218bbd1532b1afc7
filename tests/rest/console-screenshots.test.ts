// Pictures of the web console at work, light and dark. They are written where WBOSON_SCREENSHOTS says; docs/images has
// those of the README (npm run screenshots).

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Browser } from "playwright-core";
import { VariableType } from "../../bindings/node";
import type { Device } from "../../bindings/node";
import { WatchedPage, browserDescribe, launchBrowser } from "../support/chromium";
import { login, shows } from "../support/console-page";
import { projectRoot } from "../support/fixture";
import { RestFixture, USERNAME } from "../support/rest-fixture";

const MAX_LENGTH = 150 * 1024;
const folder = process.env.WBOSON_SCREENSHOTS;

browserDescribe()("pictures of the web console", () => {
  const fixture = new RestFixture();
  let browser: Browser;
  let kitchen: Device;

  beforeAll(async () => {
    await fixture.start();
    const [id] = ["kitchen", "cellar", "garden"].map((name) => fixture.provision(name, USERNAME));
    kitchen = fixture.device("kitchen", id);
    kitchen.variable("temperature", VariableType.Double, () => 21.5);
    kitchen.variable("recipe", VariableType.String, () => "tea, 3 min");
    kitchen.function("led", (argument) => (argument === "on" ? 1 : 0));
    kitchen.function("brew", () => 3);
    kitchen.subscribe("config/", () => undefined);
    const described = fixture.described(id);
    await kitchen.connect();
    await described;
    await kitchen.publish("kettle/temperature", "96.4");
    await kitchen.publish("kettle/boils", '{"liters":0.8,"seconds":142}');
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await fixture.stop();
  });

  test.each(["light", "dark"] as const)("%s", async (colorScheme) => {
    const watched = await WatchedPage.open(browser, fixture.server.url, { colorScheme });
    const { page } = watched;
    await login(page);
    await page.getByRole("button", { name: "kitchen" }).click();
    await page.getByRole("button", { name: "Read temperature" }).click();
    await shows(page, "#variables output", "21.5");
    await page.getByLabel("Argument of led").fill("on");
    await page.getByRole("button", { name: "Call led" }).click();
    await shows(page, "#functions output", "1");
    await page.getByLabel("Name", { exact: true }).fill("config/interval");
    await page.getByLabel("Data", { exact: true }).fill("60");
    await page.getByRole("button", { name: "Publish" }).click();
    await shows(page, "#events tr:first-child", "config/interval");
    await kitchen.publish("kettle/temperature", "21.7");
    await shows(page, "#events tr:first-child", "21.7");
    await keep(await page.screenshot({ type: "png" }), `console-${colorScheme}.png`);
    await page.getByRole("button", { name: "Watch" }).click();
    await shows(page, "#datagrams tr", "E/kettle/temperature");
    await page.locator("#traffic-title").evaluate((title) => title.scrollIntoView());
    await keep(await page.screenshot({ type: "png" }), `traffic-${colorScheme}.png`);
    expect(await watched.overflow()).toBe(0);
    await watched.context.close();
    expect(watched.problems).toEqual([]);
  });
});

/** Look at the frame of a picture, and write it if that is wished. */
async function keep(picture: Buffer, name: string): Promise<void> {
  expect(picture.length).toBeLessThan(MAX_LENGTH);
  // Width and height of the IHDR chunk: PNG §11.2.2.
  expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([1280, 800]);
  if (folder === undefined) return;
  const directory = path.resolve(projectRoot, folder);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, name), picture);
}
