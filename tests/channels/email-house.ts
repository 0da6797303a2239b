/** A gateway with the plugin channel-email, for tests. */
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { certificate } from "../support/self-signed.ts";

const folder = join(import.meta.dir, "../../plugins/channel-email");

/** Pauses are short, so that a test waits for events alone. */
export const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

export const pincer = "pincer@pincer.test";
export const ada = "ada@example.test";
export const AUTHSERV_ID = "mx.pincer.test";

type Account = Readonly<Record<string, unknown>>;

export interface House extends AsyncDisposable {
  readonly kit: PluginKit;
  /** What the model was given as the last message of that call, counted from 0. */
  heard(call: number): Promise<string>;
  /** Resolves once that holds for the account. */
  until(holds: (account: Account) => boolean): Promise<Account>;
  connected(): Promise<Account>;
  /** Resolves with what is looked for, once it is there. */
  found<T>(look: () => T | undefined): Promise<T>;
}

interface Ports {
  readonly imap: number;
  readonly smtp: number;
}

/** The model says "fine"; Ada is listed. */
export async function startHouse({ imap, smtp }: Ports, { config, ...options }: StartPluginOptions = {}): Promise<House> {
  const kit = await startPlugin(folder, {
    settings: quick,
    secrets: { EMAIL_PASSWORD: "the-password" },
    ...options,
    config: {
      address: pincer,
      imap: `127.0.0.1:${imap}`,
      smtp: `127.0.0.1:${smtp}`,
      ca: certificate,
      authservId: AUTHSERV_ID,
      allowFrom: [ada],
      ...config,
    },
  });
  kit.model.otherwise(says("fine"));
  const until: House["until"] = async (holds) => {
    for (;;) {
      const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
      const account = { ...channelAccounts["email"]?.[0] } as Account;
      if (holds(account)) return account;
      // Each look is a round over the socket, so that whatever is under way has its turn.
    }
  };
  return {
    kit,
    until,
    connected: () => until((account) => account["connected"] === true),
    async found(look) {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        await kit.call("health");
      }
    },
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
