/** A gateway with the plugin channel-matrix, and a homeserver on loopback beside it. */
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { BOT, type FakeMatrix, type FakeOptions, startFakeMatrix } from "./fakes/matrix/server.ts";

const folder = join(import.meta.dir, "../../plugins/channel-matrix");

/** Pauses are short, so that a test waits for events alone. */
export const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

export const ada = "@ada:hs.test";
/** The conversation between Ada and the bot. */
export const direct = "!ada:hs.test";
/** A room with Ada, Grace and the bot. */
export const club = "!club:hs.test";

export interface House extends AsyncDisposable {
  readonly matrix: FakeMatrix;
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
  readonly matrix?: FakeMatrix;
  /** Where the plugin goes in place of it. */
  readonly origin?: string;
  /** Does not wait until the account is connected. */
  readonly isEarly?: boolean;
}

/** The model says "fine"; Ada is listed, and so are all groups that mention the bot. */
export async function startHouse({ fake, matrix: given, origin, isEarly = false, config, ...options }: HouseOptions = {}): Promise<House> {
  await using opened = new AsyncDisposableStack();
  const matrix = given ?? opened.use(startFakeMatrix(fake));
  if (!given) {
    matrix.room(direct, ada);
    matrix.room(club, ada, { name: "Club", members: ["@grace:hs.test"] });
  }
  const kit = opened.use(
    await startPlugin(folder, {
      settings: quick,
      secrets: { MATRIX_ACCESS_TOKEN: BOT.token },
      ...options,
      config: { homeserver: origin ?? matrix.url, allowFrom: [ada], groups: { "*": {} }, ...config },
    }),
  );
  kit.model.otherwise(says("fine"));
  const status: House["status"] = async (account = "default") => {
    const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
    return { ...channelAccounts["matrix"]?.find(({ accountId }) => accountId === account) };
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
    matrix,
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
