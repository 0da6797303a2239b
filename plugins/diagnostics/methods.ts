/** The methods of the wire (`protocol` section 4.2). */
import { LogLines, LogRange, Note } from "@pincer/plugin-sdk/contracts/diagnostics";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { PresenceEntry, PresenceReport } from "@pincer/plugin-sdk/wire/presence";
import { Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };

export const status = defineMethod({
  name: "status",
  summary: "What the gateway is running: version, agents, channels, sessions.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Type.Record(Type.String(), Type.Unknown()),
});

export const systemPresence = defineMethod({
  name: "system-presence",
  summary: "Who is connected; the first entry is the gateway itself.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Type.Array(PresenceEntry),
});

export const systemEvent = defineMethod({
  name: "system-event",
  summary: "Takes a device's report of itself into the presence list.",
  scope: "operator.admin",
  params: Type.Object({ ...PresenceReport.properties, text: Type.String({ maxLength: 4_096 }) }, closed),
  result: Type.Object({ ok: Type.Literal(true) }),
});

export const stability = defineMethod({
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
    events: Type.Array(Note),
    summary: Type.Object({ byType: Type.Record(Type.String(), Type.Integer()) }),
  }),
});

export const logsTail = defineMethod({
  name: "logs.tail",
  summary: "The newest lines of the log, or those behind a cursor.",
  scope: "operator.read",
  params: LogRange,
  result: LogLines,
});
