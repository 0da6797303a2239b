/** The methods that are the bus's own (`protocol` section 4.2). */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "./bindings.ts";
import type { BusContext } from "./context.ts";
import type { Health, Parts } from "./health.ts";
import { type Presence, PresenceEntry, Report } from "./presence.ts";

const closed = { additionalProperties: false };
const Anything = Type.Record(Type.String(), Type.Unknown());
/** What was reported by `system-event` lately, for `status`. */
const eventsShown = 20;

const healthMethod = defineMethod({
  name: "health",
  summary: "How the gateway and its parts are.",
  scope: "any",
  params: Type.Object({ probe: Type.Optional(Type.Boolean()) }),
  result: Anything,
});

const statusMethod = defineMethod({
  name: "status",
  summary: "What the gateway is running: version, agents, channels, sessions.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Anything,
});

const systemPresence = defineMethod({
  name: "system-presence",
  summary: "Who is connected; the first entry is the gateway itself.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Type.Array(PresenceEntry),
});

const systemEvent = defineMethod({
  name: "system-event",
  summary: "Takes a device's report of itself into the presence list.",
  scope: "operator.admin",
  params: Type.Object({ ...Report.properties, text: Type.String({ maxLength: 4_096 }) }, closed),
  result: Type.Object({ ok: Type.Literal(true) }),
});

const stabilityMethod = defineMethod({
  name: "diagnostics.stability",
  summary: "What disturbed the gateway lately, without any payload.",
  scope: "operator.read",
  params: Type.Object(
    {
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
      type: Type.Optional(Type.String({ minLength: 1 })),
      sinceSeq: Type.Optional(Type.Integer({ minimum: 0 })),
    },
    closed,
  ),
  result: Type.Object({
    generatedAt: Type.String(),
    capacity: Type.Integer(),
    count: Type.Integer(),
    dropped: Type.Integer(),
    firstSeq: Type.Optional(Type.Integer()),
    lastSeq: Type.Optional(Type.Integer()),
    events: Type.Array(Type.Object({ seq: Type.Integer(), ts: Type.Integer(), type: Type.String() })),
    summary: Type.Object({ byType: Type.Record(Type.String(), Type.Integer()) }),
  }),
});

interface Sources {
  readonly health: Health;
  readonly presence: Presence;
  readonly status: Parts;
  readonly version: string;
}

export function busMethods({ clock, settings, stability }: BusContext, { health, presence, status, version }: Sources): MethodBinding[] {
  const reported: string[] = [];
  return [
    bindMethod(healthMethod, () => health.measure()),
    bindMethod(statusMethod, async () => ({
      runtimeVersion: version,
      heartbeat: { defaultAgentId: "", agents: [] },
      channelSummary: [],
      queuedSystemEvents: [...reported],
      tasks: {},
      sessions: { paths: [], count: 0, defaults: { model: null, contextTokens: null }, recent: [], byAgent: [] },
      eventLoop: stability.eventLoop(),
      ...(await status()),
    })),
    bindMethod(systemPresence, () => presence.list()),
    bindMethod(systemEvent, ({ text, ...report }) => {
      if (reported.push(text) > eventsShown) reported.shift();
      presence.report(text, report);
      return { ok: true as const };
    }),
    bindMethod(stabilityMethod, (filter) => {
      const events = stability.notes(filter);
      const byType = Object.fromEntries(
        Map.groupBy(events, ({ type }) => type)
          .entries()
          .map(([type, of]) => [type, of.length]),
      );
      const { stabilityEvents: capacity } = settings();
      const { count } = stability;
      const span = events.length > 0 ? { firstSeq: events[0]!.seq, lastSeq: events.at(-1)!.seq } : {};
      const generatedAt = new Date(clock.now()).toISOString();
      return {
        generatedAt,
        capacity,
        count: Math.min(count, capacity),
        dropped: Math.max(0, count - capacity),
        ...span,
        events: [...events],
        summary: { byType },
      };
    }),
  ];
}
