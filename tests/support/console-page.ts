// The web console as tests in a browser use it.

import type { Page } from "playwright-core";
import { PASSWORD, USERNAME } from "./rest-fixture";

/** Log in with the mouse. */
export async function login(page: Page): Promise<void> {
  await page.getByLabel("User", { exact: true }).fill(USERNAME);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("main").waitFor();
}

/** Until one of the elements shows a text. */
export function shows(page: Page, selector: string, hasText: string | RegExp): Promise<void> {
  return page.locator(selector).filter({ hasText }).first().waitFor();
}
