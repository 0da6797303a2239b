/** What `health` and `status` say of the rooms behind the bus (`protocol` sections 1.7 and 4.2). */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { PluginHost } from "./plugins/deps.ts";
import type { Sessions } from "./sessions/sessions.ts";

interface Parts {
  readonly host: PluginHost;
  readonly sessions: Pick<Sessions, "recent">;
  /** What holds for sessions that chose nothing. */
  readonly defaults: () => Promise<Readonly<Record<string, unknown>>>;
  readonly agents: () => { readonly ids: readonly string[]; readonly main: string };
  /** Calls a method of the gateway's own, as the kernel. */
  readonly dispatch: (method: string, params: unknown) => Promise<unknown>;
}

const RECENT = 5;
/** Sessions live in the store; there is no file a session. */
const path = "store";

export function createHealthParts({ host, sessions, agents, dispatch, defaults }: Parts) {
  const sessionsOf = async (now: number, agentId?: string) => {
    const { count, recent } = await sessions.recent(RECENT, agentId);
    return { path, count, recent: recent.map((session) => ({ ...session, age: Math.max(0, now - session.updatedAt) })) };
  };
  const heartbeat = { enabled: false, every: "0m", everyMs: 0, prompt: "", target: "none", ackMaxChars: 0 };

  /** Empty when no plugin has channels, or when it cannot say. */
  const channels = async () => {
    if (host.methods.find("channels.status") === undefined) return {};
    try {
      const { channels, channelOrder, channelLabels } = (await dispatch("channels.status", {})) as Record<string, unknown>;
      return { channels, channelOrder, channelLabels };
    } catch (error) {
      return { channelsError: errorMessage(error) };
    }
  };

  return {
    async health(now: number): Promise<Record<string, unknown>> {
      const { ids, main } = agents();
      const [sessions, reports, connected] = await Promise.all([sessionsOf(now), host.health(), channels()]);
      const plugins = host.list();
      const ailing = new Map(Object.entries(reports).flatMap(([id, { ok, detail }]) => (ok ? [] : [[id, detail ?? "unhealthy"]])));
      return {
        defaultAgentId: main,
        agents: await Promise.all(
          ids.map(async (agentId) => ({ agentId, isDefault: agentId === main, heartbeat, sessions: await sessionsOf(now, agentId) })),
        ),
        sessions,
        ...connected,
        plugins: {
          loaded: plugins.filter(({ state }) => state === "active").map(({ id }) => id),
          errors: plugins.flatMap(({ id, origin, state, error }) => {
            const said = state === "failed" ? (error?.message ?? "it does not say why") : ailing.get(id);
            return said === undefined ? [] : [{ id, origin, activated: state === "active", error: said }];
          }),
        },
      };
    },

    async status(now: number): Promise<Record<string, unknown>> {
      const { ids, main } = agents();
      const { count, recent } = await sessionsOf(now);
      return {
        heartbeat: { defaultAgentId: main, agents: ids.map((agentId) => ({ agentId, ...heartbeat })) },
        sessions: {
          paths: [path],
          count,
          defaults: await defaults(),
          recent,
          byAgent: await Promise.all(ids.map(async (agentId) => ({ agentId, ...(await sessionsOf(now, agentId)) }))),
        },
      };
    },
  };
}
