// Debian's Chromium without a window: where it is, how it is started, and what a page must not do meanwhile.

import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";

import { isThere } from "./needs";

const EXECUTABLE = "/usr/bin/chromium";

/** ms for what a page is to do at once. */
const TIMEOUT = 20_000;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // The browser itself still asks for updates, accounts and help with forms: no proxy, and no name has an address.
  "--no-proxy-server",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** `describe` where Chromium is; else `describe.skip`, and a line that says how to get it. */
export function browserDescribe(): jest.Describe {
  if (isThere("tests in a browser", "chromium")) return describe;
  return describe.skip as unknown as jest.Describe;
}

/** Start the browser, with a profile of its own in the temporary folder, which goes when it is closed. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** A page of one origin, and what went wrong in it. */
export class WatchedPage {
  /** Errors and warnings on its console, exceptions, requests to another origin. */
  readonly problems: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    origin: string,
  ) {
    context.on("request", (request) => {
      const url = request.url();
      const { protocol, origin: to } = new URL(url);
      if (to !== origin && protocol !== "data:") this.problems.push(`request to ${url}`);
    });
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      this.problems.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.problems.push(`exception: ${error.message}`));
  }

  /** Open an address in a session of its own: no cookies or storage of other pages. */
  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<WatchedPage> {
    const context = await browser.newContext({
      ...{ locale: "en-GB", timezoneId: "UTC", viewport: { width: 1280, height: 800 } },
      ...options,
    });
    context.setDefaultTimeout(TIMEOUT);
    const watched = new WatchedPage(context, await context.newPage(), new URL(url).origin);
    await watched.page.goto(url);
    return watched;
  }

  /** Press Tab until an element has the focus. @throws Error when 40 times do not lead there */
  async tabTo(selector: string): Promise<void> {
    const element = this.page.locator(selector);
    for (let count = 0; count < 40; count++) {
      await this.page.keyboard.press("Tab");
      if (await element.evaluate((node) => node === document.activeElement)) return;
    }
    throw new Error(`Tab does not lead to ${selector}`);
  }

  /** CSS pixels that the page is wider than its window. */
  overflow(): Promise<number> {
    return this.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
  }
}
