/** A gateway with the plugin channel-irc, for tests. */
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";

const folder = join(import.meta.dir, "../../plugins/channel-irc");

/** Pauses are short, so that a test waits for events alone. */
const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

type Account = Readonly<Record<string, unknown>>;

export interface House extends AsyncDisposable {
  readonly kit: PluginKit;
  /** What the model was given as the last message of that call, counted from 0. */
  heard(call: number): Promise<string>;
  /** Resolves once that holds for the account. */
  until(holds: (account: Account) => boolean, name?: string): Promise<Account>;
  connected(name?: string): Promise<Account>;
}

/** The model says "fine". */
export async function startHouse(server: string, { config, ...options }: StartPluginOptions = {}): Promise<House> {
  const kit = await startPlugin(folder, {
    settings: quick,
    ...options,
    config: { server, tls: false, lineEveryMs: 0, channels: ["#home"], direct: "allowlist", streaming: "off", ...config },
  });
  kit.model.otherwise(says("fine"));
  const until: House["until"] = async (holds, name = "default") => {
    for (;;) {
      const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
      const account = { ...channelAccounts["irc"]?.find(({ accountId }) => accountId === name) } as Account;
      if (holds(account)) return account;
      // Each look is a round over the socket, so that whatever is under way has its turn.
    }
  };
  return {
    kit,
    until,
    connected: (name) => until((account) => account["connected"] === true, name),
    heard: async (call) => lastText((await kit.model.modelCall(call)).request),
    [Symbol.asyncDispose]: () => kit[Symbol.asyncDispose](),
  };
}

function lastText({ messages }: ModelRequest): string {
  const content = messages.findLast(({ role }) => role === "user")?.content ?? "";
  return typeof content === "string"
    ? content
    : content.map((block) => (block.type === "text" ? block.text : `(${block.type})`)).join("\n");
}
