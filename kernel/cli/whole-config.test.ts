import { expect, test } from "bun:test";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import type { Config } from "../config/config.ts";
import { openHome } from "./home.ts";
import { readWholeConfig } from "./whole-config.ts";

test("without a gateway the configuration is judged by the very schemas that a running one declares", async () => {
  await using gateway = await startTestGateway();
  const said = (config: Config) =>
    Object.fromEntries(config.declarations().map(({ path, shape }) => [path.join("."), JSON.stringify(shape)]));
  const declared = said(gateway.gateway.config);
  expect(Object.keys(declared)).toContainValues([
    "gateway",
    "capabilities",
    "plugins.webchat.enabled",
    "plugins.webchat.unsandboxed",
    "agents",
  ]);
  expect(said(readWholeConfig(openHome(gateway.home)))).toEqual(declared);
});
