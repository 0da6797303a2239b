import { definePlugin } from "@pincer/plugin-sdk";
import { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import { sessionDefaults } from "@pincer/plugin-sdk/hooks";
import * as methods from "./methods.ts";

/** Reports of devices that `status` shows. */
const reportsShown = 20;

/** The parts of `health` that `status` shows in its own order. */
interface Health {
  /** Absent when there are none. */
  readonly problems?: readonly string[];
  readonly defaultAgentId: string;
  readonly agents: readonly { readonly agentId: string; readonly heartbeat: object; readonly sessions: object }[];
  readonly sessions: { readonly path: string; readonly count: number; readonly recent: readonly unknown[] };
  readonly eventLoop: object;
}

/** What holds for sessions that chose nothing; null means that nobody knows. */
const unknownModel = { modelProvider: null, model: null, contextTokens: null };

export default definePlugin({
  uses: { diagnostics },

  setup(ctx) {
    const gateway = ctx.uses.diagnostics;
    const reports: string[] = [];

    ctx.method(methods.status, async (_params, io) => {
      const [[self], health] = await Promise.all([gateway.presence({}, io), gateway.health({}, io) as Promise<unknown>]);
      const { problems, defaultAgentId, agents, sessions, eventLoop } = health as Health;
      return {
        runtimeVersion: self?.version,
        ...(problems ? { problems } : {}),
        heartbeat: { defaultAgentId, agents: agents.map(({ agentId, heartbeat }) => ({ agentId, ...heartbeat })) },
        channelSummary: [],
        queuedSystemEvents: [...reports],
        tasks: {},
        sessions: {
          paths: [sessions.path],
          count: sessions.count,
          defaults: { ...unknownModel, ...(await ctx.run(sessionDefaults, { agentId: defaultAgentId })) },
          recent: sessions.recent,
          byAgent: agents.map(({ agentId, sessions }) => ({ agentId, ...sessions })),
        },
        eventLoop,
      };
    });

    ctx.method(methods.systemPresence, (_params, io) => gateway.presence({}, io));

    ctx.method(methods.systemEvent, async (report, io) => {
      if (reports.push(report.text) > reportsShown) reports.shift();
      await gateway.report(report, io);
      return { ok: true as const };
    });

    ctx.method(methods.stability, async ({ sinceSeq = 0, type, limit }, io) => {
      const { capacity, made, notes } = await gateway.notes({}, io);
      const matching = notes.filter((note) => note.seq > sinceSeq && (type === undefined || note.type === type));
      const events = limit === undefined ? matching : matching.slice(-limit);
      const [first, last] = [events[0], events.at(-1)];
      const byType: Record<string, number> = {};
      for (const note of events) byType[note.type] = (byType[note.type] ?? 0) + 1;
      return {
        generatedAt: new Date(ctx.clock.now()).toISOString(),
        capacity,
        count: Math.min(made, capacity),
        dropped: Math.max(0, made - capacity),
        ...(first && last && { firstSeq: first.seq, lastSeq: last.seq }),
        events,
        summary: { byType },
      };
    });

    ctx.method(methods.logsTail, (range, io) => gateway.log(range, io));
  },
});
