import { expect, test } from "bun:test";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import type { Config } from "../config/config.ts";
import { openHome } from "./home.ts";
import { readWholeConfig } from "./whole-config.ts";

test("without a gateway the configuration is judged by the very schemas that a running one declares", async () => {
  await using gateway = await startTestGateway();
  const plain = (config: Config): unknown => JSON.parse(JSON.stringify(config.schema()));
  const declared = plain(gateway.gateway.config);
  expect(declared).toHaveProperty("properties.capabilities.patternProperties");
  expect(declared).toHaveProperty("properties.plugins.properties.webchat.properties.unsandboxed.type", "boolean");
  expect(Bun.deepEquals(plain(readWholeConfig(openHome(gateway.home))), declared)).toBe(true);
});
