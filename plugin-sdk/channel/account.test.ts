import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { accountSettings, channelConfig, readCredential } from "./account.ts";

const Config = channelConfig({ host: Type.Optional(Type.String()) });

test("what an account says stands before what the channel says", () => {
  const config = { host: "all", allowFrom: ["a"], accounts: { work: { host: "work" }, home: {} } };
  expect(Value.Check(Config, config)).toBe(true);
  expect(accountSettings(config, "work")).toEqual({ host: "work", allowFrom: ["a"] });
  expect(accountSettings(config, "home")).toEqual({ host: "all", allowFrom: ["a"] });
  expect(accountSettings<{ host: string }>({ host: "all" }, "default")).toEqual({ host: "all" });
  expect(accountSettings<object>({ accounts: {} }, "constructor")).toEqual({});
});

test("an account's name is one that fits into a session's key", () => {
  expect(Value.Check(Config, { accounts: { "work-1": {} } })).toBe(true);
  const { patternProperties } = Config.properties.accounts;
  expect(Object.keys(patternProperties)).toEqual(["^[a-z0-9_-]+$"]);
});

test("a token is the setting's, else the secret of the account's name", async () => {
  const secret = async (name: string) => `value of ${name}`;
  expect(await readCredential(secret, undefined, "BOT", "default")).toEqual({ name: "BOT", value: "value of BOT" });
  expect(await readCredential(secret, undefined, "BOT", "my-work")).toEqual({ name: "BOT_MY_WORK", value: "value of BOT_MY_WORK" });
  expect(await readCredential(secret, { secret: "OTHER" }, "BOT", "default")).toEqual({ name: "OTHER", value: "value of OTHER" });
  expect(await readCredential(secret, "plain", "BOT", "default")).toEqual({ name: undefined, value: "plain" });
});
