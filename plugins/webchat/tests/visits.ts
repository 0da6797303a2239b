/** For tests: the page in a real browser, and what it complains about. */
import type { Browser, Page } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Visit {
  readonly page: Page;
  /** What the page complained about: script errors, and what its content security policy refused. */
  readonly complaints: string[];
}

/** Undefined where no browser is installed; the tests that need one are skipped there. */
export async function launchBrowser(executablePath: string | undefined): Promise<Browser | undefined> {
  if (executablePath === undefined) return undefined;
  const { chromium } = await import("playwright-core");
  return chromium.launch({ executablePath, args: FLAGS });
}

/** In a browser of its own, with nothing kept. */
export async function visit(browser: Browser, address: string, size = { width: 1100, height: 760 }): Promise<Visit> {
  const context = await browser.newContext({ viewport: size });
  context.setDefaultTimeout(100_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(address);
  return { page, complaints };
}

/** The conversation stands, so the gateway has let the page in. */
export const isIn = (page: Page): Promise<void> => page.locator(".thread .empty, .thread article").first().waitFor();
