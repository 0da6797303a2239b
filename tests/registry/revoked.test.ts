/** What is revoked stops within a minute, says why, and starts no more: in a gateway that runs, over the wire, against static files. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import type { Plan } from "../../plugins/registry-client/engine/plan.ts";
import { type Shop, startShop } from "../support/packages.ts";

const reason = "it sends where you are to a stranger";

function revoke(shop: Shop, versions: readonly string[], lastGood?: string) {
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  const one = { kind: "plugins" as const, id: "weather", versions: [...versions], reason, at, ...(lastGood !== undefined && { lastGood }) };
  shop.house.repository.revoke(versions.length > 0 ? [one] : [], shop.house.founders.revocations);
}

async function startWith(shop: Shop, home = mkdtempSync(join(tmpdir(), "pincer-revoked-"))) {
  const clock = createManualClock(Date.now());
  const config = {
    plugins: { weather: { enabled: true, isolation: "process" }, "registry-client": { config: { registries: [shop.registry] } } },
  };
  const running = await startTestGateway({ home, clock, config });
  const client = await running.connect();
  const change = async (request: object) => {
    const { token } = await client.call<Plan>("registry-client.plan", { request });
    await client.call("registry-client.apply", { request, token, accepted: [] });
  };
  return {
    ...{ home, clock, running, client, change },
    said: async () => (await client.call<{ version: string }>("weather.said", {})).version,
    /** A minute, in steps that let the gateway's own work happen between. */
    async minute() {
      for (let second = 0; second < 60; second += 5) await clock.advance(5_000);
    },
    async state() {
      const { plugins } = await client.call<{ plugins: { state: string; error: { code: string; message: string } | null }[] }>(
        "plugins.status",
        { pluginId: "weather" },
      );
      return { state: plugins[0]!.state, error: plugins[0]!.error };
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
    },
  };
}

const refused = (code: string, message: unknown = expect.any(String)) => ({ error: { message, details: { code } } });

test("what is revoked stops within a minute, starts no more without a network, and goes on when it is taken back", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  const hanging = `ctx.method(defineMethod({ name: "weather.wait", summary: "Waits", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) }),
    () => new Promise(() => undefined));`;
  shop.publish(await shop.make("1.1.0", { setup: hanging }));
  const home = mkdtempSync(join(tmpdir(), "pincer-revoked-"));
  const words = `weather 1.1.0 is revoked by home: ${reason}; what to type: pincer rollback weather`;
  {
    await using it = await startWith(shop, home);
    await it.change({ do: "install", packages: ["weather@1.0.0"] });
    await it.change({ do: "update" });
    expect(await it.said()).toBe("1.1.0");
    const inFlight = it.client.call("weather.wait", {});
    inFlight.catch(() => undefined);
    const told = it.client.event("registry-client.revoked");
    const changed = it.running.logged("registry-client.revoked");
    revoke(shop, ["1.1.0"], "1.0.0");
    await it.minute();
    await changed;
    expect(await told).toMatchObject({ id: "weather", version: "1.1.0", reason, lastGood: "1.0.0", next: "pincer rollback weather" });
    await expect(inFlight).rejects.toMatchObject(refused("PLUGIN_UNLOADED"));
    await expect(it.said()).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
    expect(await it.state()).toEqual({ state: "disabled", error: { code: "PLUGIN_REVOKED", message: words } });
    const { packages } = await it.client.call<{ packages: object[] }>("registry-client.list", {});
    expect(packages).toMatchObject([{ id: "weather", version: "1.1.0", revoked: words }]);
    await expect(it.client.call("plugins.setEnabled", { pluginId: "weather", enabled: true })).rejects.toMatchObject(
      refused("PLUGIN_REVOKED", words),
    );
  }

  const elsewhere = `${shop.house.folder}-gone`;
  renameSync(shop.house.folder, elsewhere);
  {
    await using it = await startWith(shop, home);
    await expect(it.said()).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
    expect(await it.state()).toEqual({ state: "disabled", error: { code: "PLUGIN_REVOKED", message: words } });
    await it.change({ do: "rollback", packages: ["weather"] });
    expect(await it.said()).toBe("1.0.0");
    await expect(it.change({ do: "rollback", packages: ["weather"] })).rejects.toMatchObject(refused("REGISTRY_CLIENT_REVOKED"));
  }
  renameSync(elsewhere, shop.house.folder);
  {
    await using it = await startWith(shop, home);
    await it.minute();
    revoke(shop, []);
    const { digest } = JSON.parse(readFileSync(join(home, "pincer.lock"), "utf8")).packages["plugins/weather"].before;
    expect(existsSync(join(home, "plugins", "weather", `${digest}.revoked`))).toBe(true);
    await it.minute();
    expect(existsSync(join(home, "plugins", "weather", `${digest}.revoked`))).toBe(false);
    await it.change({ do: "rollback", packages: ["weather"] });
    expect(await it.said()).toBe("1.1.0");
  }
  rmSync(home, { recursive: true, force: true });
});
