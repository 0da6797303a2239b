/** A gateway with the plugin channel-discord, and Discord on loopback beside it. */
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { type FakeDiscord, type FakeOptions, startFakeDiscord } from "./fakes/discord/server.ts";

const folder = join(import.meta.dir, "../../plugins/channel-discord");

/** Pauses are short, so that a test waits for events alone. */
export const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

export const ada = { id: "100000000000000042", username: "ada", global_name: "Ada Lovelace" };
/** The conversation between Ada and the bot. */
export const direct = "200000000000000042";
export const guild = { id: "300000000000000001", name: "Engines", roles: [] };
export const general = { id: "400000000000000001", type: 0, guild_id: guild.id, name: "general" } as const;

export interface House extends AsyncDisposable {
  readonly discord: FakeDiscord;
  readonly kit: PluginKit;
  /** What the model was given as the last message of that call, counted from 0, as one text. */
  heard(call: number): Promise<string>;
  /** How the account is, as the gateway tells. */
  status(account?: string): Promise<Readonly<Record<string, unknown>>>;
  /** Resolves once the account's state is that. */
  until(healthState: string, account?: string): Promise<Readonly<Record<string, unknown>>>;
}

interface HouseOptions extends StartPluginOptions {
  readonly fake?: FakeOptions;
  /** An existing one, for a gateway that starts again. */
  readonly discord?: FakeDiscord;
  /** Where the plugin goes in place of it. */
  readonly origin?: string;
  /** Does not wait until the account is connected. */
  readonly isEarly?: boolean;
}

/** The model says "fine"; Ada is listed, and so are all groups that mention the bot. */
export async function startHouse({ fake, discord: given, origin, isEarly = false, config, ...options }: HouseOptions = {}): Promise<House> {
  await using opened = new AsyncDisposableStack();
  const discord = given ?? opened.use(startFakeDiscord(fake));
  if (!given) {
    discord.guild(guild);
    discord.channel(general);
    discord.direct(ada, direct);
  }
  const at = origin ?? discord.origin;
  const kit = opened.use(
    await startPlugin(folder, {
      settings: quick,
      secrets: { DISCORD_BOT_TOKEN: discord.token },
      ...options,
      config: {
        apiRoot: `${at}/api`,
        cdnRoot: at,
        ...(origin !== undefined && { gatewayUrl: `${at.replace("http", "ws")}/gateway` }),
        allowFrom: [ada.id],
        groups: { "*": {} },
        ...config,
      },
    }),
  );
  kit.model.otherwise(says("fine"));
  const status: House["status"] = async (account = "default") => {
    const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
    return { ...channelAccounts["discord"]?.find(({ accountId }) => accountId === account) };
  };
  const until: House["until"] = async (healthState, account) => {
    for (;;) {
      const now = await status(account);
      if (now["healthState"] === healthState) return now;
      // Each look is a round over the socket, so that whatever is under way has its turn.
    }
  };
  if (!isEarly) await until("connected");
  const lifetime = opened.move();
  return {
    discord,
    kit,
    status,
    until,
    heard: async (call) => lastText((await kit.model.modelCall(call)).request),
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

function lastText({ messages }: ModelRequest): string {
  const content = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const texts = typeof content === "string" ? [content] : content.map((block) => (block.type === "text" ? block.text : `(${block.type})`));
  return texts.join("\n");
}
