/** A gateway with one registry, which asks it what is revoked whenever the test says so. */
import { expect } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import type { Shop } from "./packages.ts";

export async function startAsking(shop: Pick<Shop, "registry">, home = mkdtempSync(join(tmpdir(), "pincer-revoked-"))) {
  const clock = createManualClock(Date.now());
  // Signs of life are of the processes, whose time is not this clock's.
  const gateway = { log: { level: "debug" }, plugins: { heartbeatMs: 3_600_000, stallMs: 7_200_000 } };
  const config = {
    gateway,
    plugins: { weather: { enabled: true, isolation: "process" }, "registry-client": { config: { registries: [shop.registry] } } },
  };
  const running = await startTestGateway({ home, clock, config });
  const client = await running.connect();
  await running.logged("registry-client.asked");
  const change = async (request: object, accepted: readonly string[] = []) => {
    const { token } = await client.call<Plan>("registry-client.plan", { request });
    await client.call("registry-client.apply", { request, token, accepted });
  };
  return {
    ...{ home, clock, running, client, change },
    said: async () => (await client.call<{ version: string }>("weather.said", {})).version,
    /** Until the registry was asked once more, which is within half a minute. */
    async asked() {
      await client.call("health", {}); // whoever asked last waits again by now
      const from = running.lines.length;
      await clock.advance(30_000);
      let isHeard = false;
      const heard = running.logged("registry-client.asked", from).then(() => {
        isHeard = true;
      });
      // A connection that breaks off is tried again after a pause of this clock, while what comes takes time of the machine's.
      while (!isHeard) {
        for (let calls = 0; calls < 20 && !isHeard; calls++) await client.call("health", {});
        if (!isHeard) await clock.advance(500);
      }
      await heard;
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

export const refused = (code: string, message: unknown = expect.any(String)) => ({ error: { message, details: { code } } });
