/** What `health` says of the rooms behind the bus (`protocol` section 1.7). */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { PluginHost } from "../plugin-host/host.ts";
import type { Sessions } from "./sessions/sessions.ts";

interface Parts {
  readonly host: PluginHost;
  readonly sessions: Sessions["catalog"];
  readonly agents: () => { readonly ids: readonly string[]; readonly main: string };
  /** Sentences for people. */
  readonly problems: () => Promise<readonly string[]>;
  readonly clock: Clock;
  /** Calls a method of the gateway's own, as the kernel. */
  readonly dispatch: (method: string, params: unknown) => Promise<unknown>;
}

const RECENT = 5;
/** Sessions live in the store; there is no file a session. */
const path = "store";

export function createHealthParts({ host, sessions, agents, problems, clock, dispatch }: Parts) {
  const { signal } = new AbortController();
  const sessionsOf = async (agentId?: string) => {
    const query = { archived: false, limit: RECENT, ...(agentId !== undefined && { agentId }) };
    const { sessions: recent, total: count } = await sessions.list(query, { signal });
    const now = clock.now();
    return { path, count, recent: recent.map(({ key, updatedAt }) => ({ key, updatedAt, age: Math.max(0, now - updatedAt) })) };
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

  return async (): Promise<Record<string, unknown>> => {
    const { ids, main } = agents();
    const [sessions, reports, connected, wrong] = await Promise.all([sessionsOf(), host.health(), channels(), problems()]);
    const plugins = host.list();
    const ailing = new Map(Object.entries(reports).flatMap(([id, { ok, detail }]) => (ok ? [] : [[id, detail ?? "unhealthy"]])));
    return {
      ...(wrong.length > 0 ? { ok: false, problems: wrong } : {}),
      defaultAgentId: main,
      agents: await Promise.all(
        ids.map(async (agentId) => ({ agentId, isDefault: agentId === main, heartbeat, sessions: await sessionsOf(agentId) })),
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
  };
}
