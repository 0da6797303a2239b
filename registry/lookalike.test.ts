import { expect, test } from "bun:test";
import { createLookalikes } from "./lookalike.ts";

const channels =
  "telegram discord slack matrix irc email webhook whatsapp signal mattermost teams line viber zulip twitch nostr mastodon bluesky reddit sms";
const providers =
  "openai anthropic gemini ollama openrouter bedrock copilot mistral groq together cohere deepseek fireworks perplexity xai";
const skills =
  "git git-log docker docker-compose logs log-reader notes note-search calendar calendar-file csv sqlite http-api web-search weather radio news " +
  "todo reminders timers translate summarize writing-plugins pdf images image-resize audio video youtube spotify github gitlab jira linear " +
  "notion obsidian home-assistant philips-hue mqtt kubernetes terraform ansible postgres mysql redis mongodb elasticsearch grafana prometheus " +
  "sentry stripe paypal invoices budgets bank-import crypto-prices maps routes trains flights hotels recipes shopping fitness sleep habits " +
  "journal diary mood quotes jokes chess sudoku wordle flashcards vocabulary grammar latex markdown diagrams mermaid plantuml whiteboard " +
  "clipboard screenshots ocr barcode qr-code passwords totp ssh sftp rsync backup disk-usage processes systemd cron nginx caddy dns whois " +
  "ping traceroute speedtest wifi bluetooth printer scanner camera microphone browser bookmarks rss podcasts ebooks arxiv wikipedia hackernews";
const words = (text: string) => text.split(" ");
const real = [
  ...words(channels).map((id) => `channel-${id}`),
  ...words(providers).map((id) => `provider-${id}`),
  ...words(skills),
  ...[
    "transcriber-openai",
    "openai-api",
    "tools-files",
    "tools-exec",
    "tools-http",
    "failover",
    "selector",
    "budgets",
    "approvals",
    "media",
  ],
];
const finder = createLookalikes(real.map((id) => ({ id })));

for (const [asked, meant] of [
  ["channel-telegarm", "channel-telegram"],
  ["channel-telegran", "channel-telegram"],
  ["channel-telegramm", "channel-telegram"],
  ["chanel-telegram", "channel-telegram"],
  ["telegram", "channel-telegram"],
  ["telegram-channel", "channel-telegram"],
  ["channel-telegram-official", "channel-telegram"],
  ["channel-telegram-js", "channel-telegram"],
  ["channel-te1egram", "channel-telegram"],
  ["channel-teiegram", "channel-telegram"],
  ["channel-discrod", "channel-discord"],
  ["channel-disc0rd", "channel-discord"],
  ["channels-slack", "channel-slack"],
  ["channel-slakc", "channel-slack"],
  ["provider-openal", "provider-openai"],
  ["provider-antrhopic", "provider-anthropic"],
  ["provider-anthropics", "provider-anthropic"],
  ["provider-olama", "provider-ollama"],
  ["log-git", "git-log"],
  ["assistant-home", "home-assistant"],
  ["note", "notes"],
  ["kubernets", "kubernetes"],
  ["postgress", "postgres"],
  ["prornetheus", "prometheus"],
  ["real-spotify", "spotify"],
  ["dokcer", "docker"],
  ["gti", "git"],
  ["cvs", "csv"],
] as const)
  test(`${asked} is taken for ${meant}`, () => {
    expect(finder.find({ id: asked })?.id).toBe(meant);
  });

test("of names that are each a thing of its own hardly any is taken for another", () => {
  const alarms = real.flatMap((id) => {
    const found = finder.find({ id });
    return found ? [`${id} ${found.id}`] : [];
  });
  // What anybody would ask about: a channel beside a skill of the same name, and a service's transcriber beside its models is none.
  expect(alarms).toEqual([]);
});

test("names that are new and like none are not warned of", () => {
  for (const id of [
    "channel-threema",
    "provider-nvidia",
    "black",
    "tables",
    "gitea",
    "tasks",
    "mapbox",
    "docs",
    "logic",
    "channel-rcs",
    "sqlc",
  ])
    expect([id, finder.find({ id })]).toEqual([id, undefined]);
});

test("nobody is warned of the more used one, nor of a publisher's own", () => {
  const used = createLookalikes([
    { id: "channel-telegram", publisher: "ada", downloads: 90_000 },
    { id: "channel-telegarm", publisher: "eve", downloads: 12 },
  ]);
  expect(used.find({ id: "channel-telegram", publisher: "ada", downloads: 90_000 })).toBeUndefined();
  expect(used.find({ id: "channel-telegarm", publisher: "eve", downloads: 12 })).toEqual({
    id: "channel-telegram",
    publisher: "ada",
    why: "one slip of the keys",
  });
  const own = createLookalikes([{ id: "channel-telegram", publisher: "ada" }]);
  expect(own.find({ id: "channel-telegrams", publisher: "ada" })).toBeUndefined();
});
