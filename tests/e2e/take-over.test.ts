import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { startPlatform } from "../fixtures/platform/platform.ts";

const fixtures = join(dirname(import.meta.dir), "fixtures", "plugins");

test("a channel that is reloaded again and again holds one connection, and every message is answered once (#152965)", async () => {
  const platform = startPlatform();
  await using gateway = await startTestGateway({
    plugins: [fixtures],
    enable: ["scripted-channel"],
    config: {
      plugins: { "provider-demo": { config: { deltaMs: 0 } } },
      channels: { defaults: { reconnectFirstMs: 5 }, scripted: { url: platform.url, allowFrom: ["ada"] } },
    },
  });
  const client = await gateway.connect();
  const rooms = Array.from({ length: 12 }, (_room, index) => `room-${index}`);
  for (const room of rooms) {
    platform.say(room, "ada", "hello");
    await client.call("plugins.reload", { pluginId: "scripted-channel" });
  }
  // The demo's first answer in a conversation goes out in two parts.
  await platform.message(2 * rooms.length - 1);
  expect([...new Set(platform.posted.map(({ room }) => room))].sort()).toEqual([...rooms].sort());
  expect(new Set(platform.posted.map(({ room, text }) => `${room} ${text}`)).size).toBe(platform.posted.length);
  expect(platform.conflicts).toBe(0);
  await platform.stop();
});

test("a channel that is enabled while the gateway runs is connected", async () => {
  const platform = startPlatform();
  await using gateway = await startTestGateway({
    plugins: [fixtures],
    config: {
      plugins: { "provider-demo": { config: { deltaMs: 0 } }, "scripted-channel": { enabled: false } },
      channels: { scripted: { url: platform.url, allowFrom: ["ada"] } },
    },
  });
  const client = await gateway.connect();
  platform.say("room-1", "ada", "hello");
  await client.call("plugins.setEnabled", { pluginId: "scripted-channel", enabled: true });
  expect((await platform.message(0)).room).toBe("room-1");
  await gateway.stop();
  await platform.stop();
});
