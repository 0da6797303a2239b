import { expect, test } from "bun:test";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { runCommand } from "./command.ts";

const folder = join(import.meta.dir, "../../tests/fixtures/failover");
const SUGGESTED = { deviceUrl: "http://127.0.0.1:9/device", tokenUrl: "http://127.0.0.1:9/token", clientId: "signer", scopes: ["models"] };

async function start(failover: Readonly<Record<string, unknown>> = {}) {
  const gateway = await startTestGateway({
    only: ["models", "provider-demo", "failover", "configuration"],
    plugins: [folder],
    config: { failover, plugins: { signer: { enabled: true } } },
  });
  const client = await gateway.connect();
  const printed: string[] = [];
  const { signal } = new AbortController();
  const call = (method: string, params?: unknown) => client.call(method, params as Record<string, unknown>);
  const login = () =>
    runCommand(["login", "signer:me"], {
      call,
      on: async () => undefined,
      home: gateway.home,
      print: (line) => void printed.push(line),
      result: (_value, text) => void printed.push(text),
      json: false,
      signal,
    });
  const place = async () => {
    const { config } = (await client.call("config.get", {})) as { config: { failover?: { oauth?: Record<string, unknown> } } };
    return config.failover?.oauth?.["signer"];
  };
  return { login, printed, place, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

test("where to sign in is written into the configuration as the provider suggests, before anything is asked there", async () => {
  await using house = await start({ fallbacks: ["signer/one"] });
  expect(await house.place()).toBeUndefined();
  await expect(house.login()).rejects.toThrow("no device code could be had: nothing answers at http://127.0.0.1:9/device");
  expect(house.printed).toEqual(["failover.oauth.signer says now where to sign in, as its provider suggests."]);
  expect(await house.place()).toEqual(SUGGESTED);
});

test("what the operator has said stays", async () => {
  const mine = { ...SUGGESTED, clientId: "mine" };
  await using house = await start({ oauth: { signer: mine } });
  await expect(house.login()).rejects.toThrow("no device code could be had: nothing answers at http://127.0.0.1:9/device");
  expect(house.printed).toEqual([]);
  expect(await house.place()).toEqual(mine);
});
