/** A gateway with the plugin channel-slack, and Slack on loopback beside it. */
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { APP_TOKEN, type FakeOptions, type FakeSlack, SIGNING_SECRET, startFakeSlack, TOKEN } from "./fakes/slack/server.ts";

const folder = join(import.meta.dir, "../../plugins/channel-slack");

/** Pauses are short, so that a test waits for events alone. */
export const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

export const ada = { id: "UADA", name: "Ada" };
/** Between Ada and the bot. */
export const dm = "DADA";
export const engines = "CENGINES";

export const secrets = { SLACK_BOT_TOKEN: TOKEN, SLACK_APP_TOKEN: APP_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET };

export interface House extends AsyncDisposable {
  readonly slack: FakeSlack;
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
  readonly slack?: FakeSlack;
}

/** The model says "fine"; Ada is listed, and so are all channels that mention the bot. */
export async function startHouse({ fake, slack: given, config, ...options }: HouseOptions = {}): Promise<House> {
  await using opened = new AsyncDisposableStack();
  const slack = given ?? opened.use(startFakeSlack(fake));
  if (!given) {
    slack.person(ada);
    slack.conversation(dm);
    slack.conversation(engines, { name: "engines" });
  }
  const kit = opened.use(
    await startPlugin(folder, {
      settings: quick,
      secrets,
      ...options,
      config: { slackApiUrl: `${slack.url}/api`, allowFrom: [ada.id], groups: { "*": {} }, streaming: "off", ...config },
    }),
  );
  kit.model.otherwise(says("fine"));
  const status: House["status"] = async (account = "default") => {
    const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
    return { ...channelAccounts["slack"]?.find(({ accountId }) => accountId === account) };
  };
  const lifetime = opened.move();
  return {
    slack,
    kit,
    status,
    heard: async (call) => lastText((await kit.model.modelCall(call)).request),
    async until(healthState, account) {
      for (;;) {
        const now = await status(account);
        if (now["healthState"] === healthState) return now;
        // Each look is a round over the socket, so that whatever is under way has its turn.
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
