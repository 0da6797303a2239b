/** A gateway with the plugin channel-telegram, and Telegram on loopback beside it. */
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { type FakeOptions, type FakeTelegram, startFakeTelegram } from "./fakes/telegram/server.ts";

const folder = join(import.meta.dir, "../../plugins/channel-telegram");

/** Pauses are short, so that a test waits for events alone. */
export const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

export const ada = { id: 42, first_name: "Ada", last_name: "Lovelace" };
export const group = { id: -500, type: "group", title: "Engines" } as const;

export interface House extends AsyncDisposable {
  readonly telegram: FakeTelegram;
  readonly kit: PluginKit;
  /** What the model was given as the last message of that call, counted from 0, as one text. */
  heard(call: number): Promise<string>;
  /** How the account is, as the gateway tells. */
  status(account?: string): Promise<Readonly<Record<string, unknown>>>;
  /** Resolves once the account's state is that; time passes meanwhile when the gateway's clock is a driven one. */
  until(healthState: string, account?: string): Promise<Readonly<Record<string, unknown>>>;
}

interface HouseOptions extends StartPluginOptions {
  readonly fake?: FakeOptions;
  /** An existing one, for a gateway that starts again. */
  readonly telegram?: FakeTelegram;
}

/** The model says "fine"; Ada is listed, and so are all groups that mention the bot. */
export async function startHouse({ fake, telegram: given, config, ...options }: HouseOptions = {}): Promise<House> {
  await using opened = new AsyncDisposableStack();
  const telegram = given ?? opened.use(startFakeTelegram(fake));
  if (!given) telegram.chat(group);
  const kit = opened.use(
    await startPlugin(folder, {
      settings: quick,
      secrets: { TELEGRAM_BOT_TOKEN: telegram.token },
      ...options,
      config: { apiRoot: telegram.url, allowFrom: [String(ada.id)], groups: { "*": {} }, ...config },
    }),
  );
  kit.model.otherwise(says("fine"));
  const advance = options.clock && "advance" in options.clock ? (options.clock as ManualClock).advance : undefined;
  const status: House["status"] = async (account = "default") => {
    const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
    return { ...channelAccounts["telegram"]?.find(({ accountId }) => accountId === account) };
  };
  const lifetime = opened.move();
  return {
    telegram,
    kit,
    status,
    heard: async (call) => lastText((await kit.model.modelCall(call)).request),
    async until(healthState, account) {
      for (;;) {
        const now = await status(account);
        if (now["healthState"] === healthState) return now;
        // Each look is a round over the socket, so that whatever is under way has its turn.
        await advance?.(500);
      }
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

function lastText({ messages }: ModelRequest): string {
  const content = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const texts = typeof content === "string" ? [content] : content.map((block) => (block.type === "text" ? block.text : `(${block.type})`));
  return texts.join("\n");
}
