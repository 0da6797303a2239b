import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDeviceKey, WireClient } from "@pincer/plugin-sdk/testing/client";
import { createCliHome } from "../../tests/support/cli.ts";

const copies = "\u001b]52;c;ZXZpbA==\u0007";
const hostile = `kind${copies}\u009b8m\u202edevice`;

test("what devices, senders and models wrote commands no terminal and forges no line; a program gets it as it is", async () => {
  await using home = createCliHome();
  const { url } = await home.json<{ url: string }>(["up"]);
  const token = readFileSync(join(home.path, "token"), "utf8").trim();
  const client = { id: "openclaw-ios", mode: "ui", displayName: `${hostile}\nforged line` };
  await using device = await WireClient.connect({
    url: new URL("/", url).href.replace(/^http/, "ws"),
    token,
    device: createDeviceKey(),
    client,
  });
  await device.call("sessions.patch", { key: "main", label: hostile });
  await device.call("chat.inject", { sessionKey: "main", message: `first\nsecond ${hostile}` });
  const asked = [["devices", "list"], ["sessions", "list"], ["sessions", "show", "main"], ["logs"]];
  for (const words of asked) {
    const { out } = await home.pincer(words);
    expect([words, out.match(/[^\P{Cc}\n\t]|\p{Bidi_Control}/u)]).toEqual([words, null]);
    expect(out.split("\n")).not.toContainEqual(expect.stringMatching(/^forged/));
  }
  expect((await home.pincer(["sessions", "show", "main"])).out).toContain("first\nsecond kind");
  expect(JSON.stringify(await home.json(["sessions", "list"]))).toContain(JSON.stringify(hostile));
});

test("what is wrong with a package is told in no line that looks like one of ours", async () => {
  await using home = createCliHome();
  mkdirSync(join(home.path, "evil"), { recursive: true });
  const manifest = { id: "evil", version: "1.0.0", sdk: "^1.0.0", summary: "Evil", entry: "plugin.ts", "\nnext pincer install more": 1 };
  writeFileSync(join(home.path, "evil", "plugin.json"), JSON.stringify(manifest));
  const { code, err } = await home.pincer(["install", join(home.path, "evil"), "--yes"]);
  expect(code).toBe(1);
  expect(err).toContain("next pincer install more");
  expect(err.split("\n")).not.toContainEqual(expect.stringMatching(/^(next|error) +pincer/));
});
