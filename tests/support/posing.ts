/** A gateway with a channel that hands in whatever a test tells it to, and what comes back from there. */
import { dirname, join } from "node:path";
import type { Acceptance, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "@pincer/plugin-sdk/testing/gateway";

const fixtures = join(dirname(import.meta.dir), "fixtures", "plugins");

/** What a message says unless a test says otherwise: ada, directly. */
export interface Said {
  readonly from?: string;
  readonly name?: string;
  readonly text?: string;
  readonly event?: string;
  /** Of a group, which the bot is named in unless `mentioned` is false. */
  readonly group?: string;
  readonly more?: Partial<InboundMessage>;
  readonly address?: Partial<InboundMessage["address"]>;
}

export interface PosingHouse extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly client: WireClient;
  /** What the gateway answered to the channel. */
  say(said?: Said): Promise<Acceptance>;
  /** Texts that went out to a conversation, once `count` are there. */
  heard(conversation: string, count: number): Promise<readonly string[]>;
  /** What went out so far. */
  sent(): Promise<readonly { readonly conversation: string; readonly text: string }[]>;
  /** Keys of the sessions that there are. */
  sessions(): Promise<readonly string[]>;
}

let events = 0;
export const messageOf = ({
  from = "ada",
  name,
  text = "hello",
  event = `e${++events}`,
  group,
  more = {},
  address = {},
}: Said): InboundMessage => ({
  address: { channel: "posing", account: "default", conversation: group ?? `dm-${from}`, ...address },
  eventId: event,
  sender: { id: from, ...(name === undefined ? {} : { name }) },
  chat: group === undefined ? "direct" : "group",
  ...(group === undefined ? {} : { group: { id: group }, mentioned: true }),
  text,
  sentAt: Date.now(),
  ...more,
});

export async function startPosing(
  channel: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>> = {},
  options: Pick<TestGatewayOptions, "home" | "clock" | "enable" | "plugins"> = {},
): Promise<PosingHouse> {
  const gateway = await startTestGateway({
    ...options,
    plugins: [fixtures, ...(options.plugins ?? [])],
    enable: ["posing", ...(options.enable ?? [])],
    config: [{ plugins: { "provider-demo": { config: { deltaMs: 0 } } }, channels: { posing: channel } }, config],
  });
  const client = await gateway.connect();
  const sent = async () => (await client.call<{ texts: { conversation: string; text: string }[] }>("posing.sent", {})).texts;
  return {
    gateway,
    client,
    say: (said = {}) => client.call("posing.handIn", { message: messageOf(said) }),
    sent,
    async heard(conversation, count) {
      for (let from = 0; ; ) {
        const texts = (await sent()).filter((one) => one.conversation === conversation).map(({ text }) => text);
        if (texts.length >= count) return texts;
        const line = await gateway.logged("posing.sent", from);
        from = gateway.lines.indexOf(line) + 1;
      }
    },
    sessions: async () => (await client.call<{ sessions: { key: string }[] }>("sessions.list", {})).sessions.map(({ key }) => key).sort(),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}
