/** The configuration of a home in this world: pauses so short that nothing is waited for, and blocks so small that replies go out in pieces. */
import type { ChaosChannel } from "./channels/channel.ts";
import type { World } from "./world.ts";

export const token = "token-of-the-chaos";

export interface HomeOptions {
  /** Whether the model can go on with an answer that was begun. */
  readonly continues: boolean;
  readonly blockIdleMs: number;
  /** The plugin that runs in a process of its own; absent: none. */
  readonly apart?: string;
}

/** On the platform of no vendor. */
const owners = ["scripted:ada", "rich:ada"];
export const isOwner = (channel: string, sender: string): boolean => owners.includes(`${channel}:${sender}`);

type Outside = Pick<World, "script"> & {
  readonly channels: readonly Pick<ChaosChannel, "name" | "plugin" | "config" | "beside" | "rooms">[];
};

export const homeConfig = ({ script, channels }: Outside, { continues, blockIdleMs, apart }: HomeOptions) => ({
  gateway: {
    port: 0,
    auth: { token },
    drainMs: 50,
    lanes: { backoffFirstMs: 1, backoffLongestMs: 20, drainMs: 20, retryMs: 5 },
  },
  models: { default: "scripted/one" },
  agents: { owner: owners },
  scripted: { provider: { url: script.url, continues }, tools: { url: script.url } },
  channels: {
    defaults: { retryFirstMs: 2, reconnectFirstMs: 2, reconnectLongestMs: 50 },
    ...Object.assign({}, ...channels.map(({ beside }) => beside)),
    ...Object.fromEntries(channels.map(({ name, config, rooms }) => [name, { ...config, allowFrom: rooms.map(({ from }) => from) }])),
  },
  plugins: {
    agent: { config: { blockMinChars: 300, blockMaxChars: 600, blockIdleMs, modelRetryFirstMs: 2 } },
    ...Object.fromEntries(
      [...new Set(channels.map(({ plugin }) => plugin))].map((plugin) => [plugin, { isolation: plugin === apart ? "process" : "inline" }]),
    ),
  },
});
