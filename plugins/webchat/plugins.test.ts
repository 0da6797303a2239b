/** Plugins and skills in the page: what each is and may do, what is wrong, and installing, updating and removing them from a registry. */
import { expect } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { commandOf, testWith } from "@pincer/plugin-sdk/testing/needs";
import { linkPlugin } from "../../plugin-kit/link.ts";
import { timeOf } from "../../registry/schema.ts";
import { startServedRegistry } from "../../tests/registry/served-registry.ts";
import { startAsking } from "../../tests/support/asking-gateway.ts";
import { makeWeather, startShop, type Weather } from "../../tests/support/packages.ts";
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
    // Of two that have one name the registry's is not what is written here.
    shop.publish(await shop.make("1.0.0", { id: "breeze" }));
    linkPlugin((await shop.make("1.0.0", { id: "breeze", permissions: { net: ["breeze.example:443"] } })).folder, home);
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

    await page.getByText(/^Turned off/).click();
    const own = page.locator(".thing", { hasText: "breeze" });
    await own.locator("summary").click();
    await own.getByRole("button", { name: "Turn on", exact: true }).waitFor();
    expect(await own.textContent()).toContain("net breeze.example:443");

    await it.change({ do: "install", packages: ["weather@1.0.0"] });
    await it.change({ do: "update" });
    const card = page.getByLabel("weather 1.1.0");
    await card.getByText("by ada · 1.0.0 is kept").click();
    await card.getByText("It can reach api.weather.example (port 443). net api.weather.example:443").waitFor();

    const at = timeOf(Date.now());
    const one = { kind: "plugins" as const, id: "weather", versions: ["1.1.0"], reason: "it tells others", at, lastGood: "1.0.0" };
    shop.house.repository.revoke([one], shop.house.founders.revocations);
    await it.asked();
    await card.getByRole("alert").filter({ hasText: "it tells others" }).waitFor();
    expect(await card.getByRole("alert").locator("code").textContent()).toBe("pincer rollback weather");
    await card.getByText("Revoked", { exact: true }).waitFor();
    await card.getByRole("button", { name: "Go back to 1.0.0…" }).waitFor();
    await page.getByRole("button", { name: "Conversations" }).click();
    expect(await page.getByRole("button", { name: /^Plugins/ }).textContent()).toBe("Plugins1 do not run");
    await page.getByRole("button", { name: "Close the list of conversations" }).click({ position: { x: 380, y: 400 } });
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    expect(complaints).toEqual([]);
  },
  180_000,
);

testWith("chromium")(
  "what a registry serves is found, looked at, installed, updated only with a yes to each thing that is wider, and removed, without a reload",
  async () => {
    await using registry = await startServedRegistry();
    const [ada, root] = [registry.key("ada"), join(registry.temporary("root"), "root.json")];
    writeFileSync(root, registry.root);
    const publish = async (version: string, weather: Weather) => {
      const { folder } = await makeWeather(registry.temporary("made"), version, weather);
      expect(await registry.publish(folder, "ada", ada.file)).toMatchObject({ ok: true });
    };
    /** What the third version asks before it begins, as often as it is tried; the first time it is kept waiting. */
    const [isAsked, isReleased] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    using sky = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch() {
        isAsked.resolve();
        await isReleased.promise;
        return new Response("clouds", { status: 500 });
      },
    });
    const near = `127.0.0.1:${sky.port}`;
    await publish("1.0.0", { permissions: { net: [near] }, summary: "Says <b>how</b> the weather is" });
    const config = { cooldownHours: 0, registries: [{ name: "home", address: registry.url, root }] };
    await using gateway = await startTestGateway({ config: { plugins: { "registry-client": { config } } } });
    const client = await gateway.connect();
    const said = async () => (await client.call<{ version: string }>("weather.said", {})).version;
    await using browser = await launchBrowser(commandOf("chromium"));
    const { page, complaints } = await visit(browser!, await gateway.gateway.loginLink());
    await isIn(page);
    await page.getByRole("button", { name: /^Plugins/ }).click();
    const button = (name: string) => page.getByRole("button", { name, exact: true });

    await page.getByRole("searchbox").fill("weather");
    await page.keyboard.press("Enter");
    await page.getByText("plugin · registry home · by ada").waitFor();
    await button("Install…").click();
    const plan = page.getByRole("region", { name: "Install weather 1.0.0" });
    await plan.getByText(`It can reach the service on port ${sky.port} of this machine. net ${near}`).waitFor();
    await plan.getByText("tool weather: Says <b>how</b> the weather is").waitFor();
    expect(await plan.textContent()).toMatch(/Signed byadaSHA256:\S+Size\d KB in \d files/);
    await expect(said()).rejects.toThrow("unknown method");
    await button("Install").click();
    await page.getByText("weather 1.0.0 is installed.").waitFor();
    await page.getByLabel("weather 1.0.0", { exact: true }).getByText("Runs", { exact: true }).waitFor();
    expect(await said()).toBe("1.0.0");

    const more = { net: [near, "tracker.example:443"], secrets: ["WEATHER_KEY"] };
    const greedy = "const all = { ...process.env };";
    await publish("1.1.0", { permissions: more, summary: "Says how the weather was", before: greedy });
    await button("Look for updates").click();
    const update = button("Update");
    await page.getByText("+ Says how the weather was").waitFor();
    await page.getByText("3 things above have no yes yet.").waitFor();
    // Without a yes to each it is not asked for, and leads to what has none.
    await update.click({ force: true });
    expect(await page.evaluate(() => document.activeElement?.getAttribute("type"))).toBe("checkbox");
    await page.getByLabel("It can reach tracker.example (port 443).").check();
    await page.getByLabel("it takes the whole environment").check();
    await page.getByText("One thing above has no yes yet.").waitFor();
    await update.click({ force: true });
    expect([await update.getAttribute("aria-disabled"), await said()]).toEqual(["true", "1.0.0"]);
    await page.getByLabel("It can read the secret WEATHER_KEY.").check();
    await update.click();
    await page.getByText("weather 1.1.0 is up to date now.").waitFor();
    await page.getByText("pincer secrets set WEATHER_KEY").waitFor();
    expect(await said()).toBe("1.1.0");

    // What is under way is left, and the page is there again at once.
    const asks = `ctx.fetch("http://${near}/").then((sky) => { if (!sky.ok) throw new Error("no sky"); })`;
    await publish("1.2.0", { permissions: more, setup: `if (!ctx.home.includes("pincer-record-")) return ${asks};` });
    await button("Look for updates").click();
    await update.click();
    await page.getByText("weather: Starting it").waitFor();
    await isAsked.promise;
    await button("Stop").click();
    await page.getByText("Stopped. What was begun is taken back").waitFor();
    isReleased.resolve();
    const card = page.getByLabel("weather 1.1.0", { exact: true });
    await card.getByText("Runs", { exact: true }).waitFor();

    // What does not start is taken back, and it is said what it was, by which name, and what now.
    await button("Look for updates").click();
    await update.click();
    const failure = page.getByRole("alert").filter({ hasText: "REGISTRY_CLIENT_ROLLED_BACK" });
    await failure.getByText(/weather 1.2.0 was rolled back, and the version before goes on: .*no sky/).waitFor();
    await button("Back").click();
    expect(await said()).toBe("1.1.0");

    await card.getByText("by ada").click();
    await button("Turn off").click();
    await button("Turn on").click();
    await button("Turn off").waitFor();
    await button("Remove…").click();
    await page.getByText("what it kept stays").waitFor();
    await button("Remove").click();
    await page.getByText("weather 1.1.0 is removed.").waitFor();
    await page.getByText("Nothing was installed beside what this Pincer brings.").waitFor();
    await expect(said()).rejects.toThrow("unknown method");

    // Who does not answer is named, and the others are searched.
    const { hash } = await client.call<{ hash: string }>("config.get", {});
    const registries = [...config.registries, { name: "gone", address: "http://127.0.0.1:1", root }];
    const raw = JSON.stringify({ plugins: { "registry-client": { config: { registries } } } });
    await client.call("config.patch", { raw, baseHash: hash, replacePaths: ["plugins.registry-client.config.registries"] });
    await page.getByRole("searchbox").fill("the weather");
    await page.keyboard.press("Enter");
    await page.getByText("gone did not answer, and was not searched: ").waitFor();
    await page.getByText("plugin · registry home · by ada").waitFor();
    expect(complaints).toEqual([]);
  },
  180_000,
);
