/** The configuration of a home in this world: pauses so short that nothing is waited for, and blocks so small that replies go out in pieces. */
import type { World } from "./world.ts";

export const token = "token-of-the-chaos";

export interface HomeOptions {
  /** Whether the model can go on with an answer that was begun. */
  readonly continues: boolean;
  readonly blockIdleMs: number;
}

export const homeConfig = ({ script, platform }: Pick<World, "script" | "platform">, { continues, blockIdleMs }: HomeOptions) => ({
  gateway: {
    port: 0,
    auth: { token },
    drainMs: 50,
    lanes: { backoffFirstMs: 1, backoffLongestMs: 20, drainMs: 20, retryMs: 5 },
  },
  models: { default: "scripted/one" },
  agents: { owner: ["scripted:ada"] },
  scripted: { provider: { url: script.url, continues }, tools: { url: script.url } },
  channels: {
    defaults: { retryFirstMs: 2, reconnectFirstMs: 2, reconnectLongestMs: 50 },
    scripted: { url: platform.url, allowFrom: ["ada", "bob", "carol"] },
  },
  plugins: { agent: { config: { blockMinChars: 300, blockMaxChars: 600, blockIdleMs, modelRetryFirstMs: 2 } } },
});
