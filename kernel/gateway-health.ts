/** What `health` says of the rooms behind the bus and of plugins, and what plugins say there (`protocol` section 1.7). */
import type { PluginHost } from "../plugin-host/host.ts";
import type { Access } from "./access/access.ts";
import type { Agents } from "./gateway-agents.ts";
import type { Sessions } from "./sessions/sessions.ts";

const RECENT = 5;
/** Sessions live in the store; there is no file a session. */
const path = "store";
const heartbeat = { enabled: false, every: "0m", everyMs: 0, prompt: "", target: "none", ackMaxChars: 0 };
const { signal } = new AbortController();

export async function healthOf(
  { access, host, sessions }: { readonly access: Access; readonly host: PluginHost; readonly sessions: Sessions },
  { ids, main }: Agents,
  now: number,
): Promise<Readonly<Record<string, unknown>>> {
  const sessionsOf = async (agentId?: string) => {
    const query = { archived: false, limit: RECENT, ...(agentId !== undefined && { agentId }) };
    const { sessions: recent, total: count } = await sessions.catalog.list(query, { signal });
    return { path, count, recent: recent.map(({ key, updatedAt }) => ({ key, updatedAt, age: Math.max(0, now - updatedAt) })) };
  };
  const [all, reports, problems] = await Promise.all([sessionsOf(), host.health(), access.problems()]);
  const plugins = host.list();
  // Of two that say something of one part, the gateway's own plugin, which comes first, is believed.
  const parts = Object.values(reports).flatMap(({ parts = {} }) => [parts]);
  parts.reverse();
  return {
    ...Object.assign({}, ...parts),
    ok: problems.length === 0,
    ...(problems.length > 0 && { problems }),
    defaultAgentId: main,
    agents: await Promise.all(
      ids.map(async (agentId) => ({ agentId, isDefault: agentId === main, heartbeat, sessions: await sessionsOf(agentId) })),
    ),
    sessions: all,
    plugins: {
      loaded: plugins.filter(({ state }) => state === "active").map(({ id }) => id),
      errors: plugins.flatMap(({ id, origin, state, error }) => {
        const { ok, detail } = state === "failed" ? { ok: false, detail: error?.message } : (reports[id] ?? { ok: true });
        return ok ? [] : [{ id, origin, activated: state === "active", error: detail ?? "it does not say why" }];
      }),
    },
  };
}
