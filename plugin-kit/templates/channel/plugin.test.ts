import { expect, test } from "bun:test";
import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { startFakePlatform, TOKEN } from "./tests/fake-platform.ts";

// Everything that a channel promises, in the gateway's process and in one of its own: each message answered once, through restarts, upgrades,
// a network that fails, and an end in the middle.
channelSuite({
  name: "my-channel",
  startPlatform: startFakePlatform,
  startPlugin: (baseUrl, options, allowFrom) =>
    startPlugin(import.meta.dir, { ...options, config: { baseUrl, allowFrom }, secrets: { MY_CHANNEL_TOKEN: TOKEN } }),
  receives: { path: "/updates" },
  sends: { path: "/messages" },
});

test("without a token it says what to do, and does not go on asking", async () => {
  await using platform = startFakePlatform();
  await using kit = await startPlugin(import.meta.dir, { config: { baseUrl: platform.url } });
  const connection = await kit.connect();
  await kit.logged("channel.disconnected");
  const { channelAccounts } = await connection.call<{ channelAccounts: Record<string, { lastError: string }[]> }>("channels.status", {});
  expect(channelAccounts["my-channel"]?.[0]).toMatchObject({ connected: false, lastError: expect.stringContaining("pincer secrets set") });
});
