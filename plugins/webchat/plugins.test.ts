/** Plugins and skills in the page: what each is and may do, and what to type about those that are not well. */
import { expect } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOf, testWith } from "@pincer/plugin-sdk/testing/needs";
import { timeOf } from "../../registry/schema.ts";
import { startAsking } from "../../tests/support/asking-gateway.ts";
import { startShop } from "../../tests/support/packages.ts";
import { isIn, launchBrowser, visit } from "./tests/visits.ts";

const phone = { width: 390, height: 844 };

testWith("chromium")(
  "what is installed, what each part may, and what is revoked or cannot be used, with what to type, without a reload",
  async () => {
    using shop = startShop();
    const permissions = { net: ["api.weather.example:443"] };
    shop.publish(await shop.make("1.0.0", { permissions }));
    shop.publish(await shop.make("1.1.0", { permissions }));
    const home = mkdtempSync(join(tmpdir(), "pincer-plugins-page-"));
    const skill = join(home, "workspace", "skills", "kettle");
    mkdirSync(skill, { recursive: true });
    const needs = "metadata:\n  openclaw:\n    requires: { bins: [no-such-kettle] }\n";
    writeFileSync(join(skill, "SKILL.md"), `---\nname: kettle\ndescription: Boils <b>water</b>.\n${needs}---\nBoil.\n`);
    await using it = await startAsking(shop, home);
    await using browser = await launchBrowser(commandOf("chromium"));
    const { page, complaints } = await visit(browser!, await it.running.gateway.loginLink(), phone);
    await isIn(page);
    await page.getByRole("button", { name: "Conversations" }).click();
    await page.getByRole("button", { name: /^Plugins/ }).click();
    await page.getByText("Nothing was installed beside what this Pincer brings.").waitFor();

    const skillRow = page.locator(".thing", { hasText: "kettle" });
    await skillRow.getByText("Cannot be used").waitFor();
    // What cannot be used stands first.
    expect(await page.locator(".part", { hasText: "Skills" }).locator(".thing").first().textContent()).toContain("Cannot be used");
    expect(await skillRow.textContent()).toContain("Boils <b>water</b>.");
    expect(await skillRow.textContent()).toContain("no-such-kettle");

    await it.change({ do: "install", packages: ["weather@1.0.0"] });
    await it.change({ do: "update" });
    await page.reload();
    await isIn(page);
    await page.getByRole("button", { name: "Conversations" }).click();
    await page.getByRole("button", { name: /^Plugins/ }).click();
    const card = page.getByRole("region", { name: "weather 1.1.0" });
    await card.getByText("by ada · 1.0.0 is kept").waitFor();
    await page.getByText("weather", { exact: true }).last().click();
    await page.getByText("net api.weather.example:443").waitFor();

    const at = timeOf(Date.now());
    const one = { kind: "plugins" as const, id: "weather", versions: ["1.1.0"], reason: "it tells others", at, lastGood: "1.0.0" };
    shop.house.repository.revoke([one], shop.house.founders.revocations);
    await it.asked();
    await card.getByRole("alert").filter({ hasText: "it tells others" }).waitFor();
    expect(await card.locator("code").textContent()).toBe("pincer rollback weather");
    await page.getByText("Stopped", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Conversations" }).click();
    expect(await page.getByRole("button", { name: /^Plugins/ }).textContent()).toBe("Plugins1 do not run");
    await page.getByRole("button", { name: "Close the list of conversations" }).click({ position: { x: 380, y: 400 } });
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    expect(complaints).toEqual([]);
  },
  180_000,
);
