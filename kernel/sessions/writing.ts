/** The methods that change sessions. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { defineMethod, type MethodCall, type WireScope } from "@pincer/plugin-sdk/method";
import { type Static, Type } from "@sinclair/typebox";
import { bindMethod } from "../bus/bindings.ts";
import { type Changes, checkFacets, refuseReplaced } from "./catalog.ts";
import { sessionErrors } from "./errors.ts";
import { storePath } from "./reading.ts";
import { type SessionRecord, SessionRow } from "./row.ts";
import type { Room } from "./sessions.ts";

const text = Type.String();
const maybe = Type.Optional(Type.String({ minLength: 1 }));
const flag = Type.Optional(Type.Boolean());
const clearable = Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 512 }), Type.Null()]));
const closed = { additionalProperties: false };
const one = { key: Type.String({ minLength: 1 }), agentId: maybe, expectedSessionId: maybe };
const Reason = Type.Optional(Type.Union([Type.Literal("new"), Type.Literal("reset")]));

/** The kernel's own fields. Beside them the facets of plugins may be set, so that these parameters are open. */
const fields = {
  ...{ label: clearable, displayName: clearable, icon: clearable, color: clearable, category: clearable },
  ...{ archived: flag, pinned: flag, unread: flag },
};
const PatchParams = Type.Object({ ...one, ...fields });

const WireAttachment = Type.Object({ type: Type.Optional(text), mimeType: maybe, fileName: maybe, content: text });
const CreateParams = Type.Object({
  ...{ ...fields, key: maybe, agentId: maybe, parentSessionKey: maybe, idempotencyKey: maybe },
  ...{ message: Type.Optional(text), task: Type.Optional(text), attachments: Type.Optional(Type.Array(WireAttachment)) },
  ...{ emitCommandHooks: flag, succeedsParent: flag },
});
const CreateResult = Type.Object({
  ...{ ok: Type.Literal(true), key: text, sessionId: text, entry: SessionRow, runStarted: Type.Boolean() },
  ...{ runId: maybe, runError: Type.Optional(Type.Object({ code: text, message: text })) },
});

export function writingMethods(room: Room) {
  const { catalog, clock, hooks, facets, keyOf, row, changed } = room;

  const facetsOf = (params: object, { properties }: typeof PatchParams | typeof CreateParams) =>
    Object.fromEntries(Object.entries(params).filter(([name]) => !Object.hasOwn(properties, name)));
  /** What a client sets: its own fields with `operator.write`, facets with the scope that they ask for, anything else not at all. */
  const dynamicScope = (named: typeof PatchParams | typeof CreateParams) => ({
    least: "operator.write" as const,
    of: (params: unknown): WireScope =>
      Object.keys(facetsOf(params as object, named)).every((name) => facets().get(name)?.patch === "operator.write")
        ? "operator.write"
        : "operator.admin",
  });

  const changesOf = async (
    params: Static<typeof PatchParams> | Static<typeof CreateParams>,
    named: typeof PatchParams | typeof CreateParams,
  ) => {
    const set = facetsOf(params, named);
    const wrong = Object.keys(set).find((name) => facets().get(name)?.patch === undefined);
    if (wrong !== undefined) {
      const settable = [...Object.keys(fields), ...[...facets()].flatMap(([name, { patch }]) => (patch ? [name] : []))];
      throw sessionErrors.SESSION_FIELD_INVALID(`${JSON.stringify(wrong)} cannot be set; what can be is ${settable.join(", ")}`);
    }
    await checkFacets(set, facets());
    const now = clock.now();
    const { label, archived, pinned, unread, displayName, icon, color, category } = params;
    const since = (claim: boolean | undefined) => (claim === undefined ? undefined : claim ? now : null);
    return {
      columns: {
        ...(label !== undefined && { label }),
        ...(archived !== undefined && { archived: archived ? 1 : 0 }),
        ...(unread !== undefined && { readAt: unread ? 0 : now }),
      },
      attributes: { displayName, icon, color, category, pinnedAt: since(pinned), archivedAt: since(archived) },
      facets: set,
    } satisfies Changes;
  };

  /** The session that is meant, made when it does not exist yet: the owner's, unless its key is a conversation of a channel. */
  const ensure = async (written: { key: string; agentId?: string }, call: MethodCall, parentSessionKey?: string) => {
    const key = keyOf(written.key, written.agentId);
    const record = await catalog.find(key.key);
    if (record) return { record, created: false };
    const attributes = { createdBy: call.connection.principal, ...(parentSessionKey && { parentSessionKey }) };
    return catalog.ensure(key, { owner: key.conversation === undefined, attributes }, clock.now());
  };
  const expect = (record: SessionRecord, sessionId: string | undefined) => {
    if (sessionId !== undefined && record.sessionId !== sessionId) refuseReplaced(record.key);
  };

  const start = async (record: SessionRecord, { message, task, attachments = [], idempotencyKey }: Static<typeof CreateParams>) => {
    const said = message ?? task ?? "";
    if (said === "" && attachments.length === 0) return { runStarted: false };
    const refused = (code: string, why: string) => ({ runStarted: false, runError: { code, message: why } });
    if (!room.startTurn) return refused("UNAVAILABLE", "no plugin here runs turns; enable the agent plugin");
    try {
      const { runId } = await room.startTurn({
        runId: idempotencyKey ?? crypto.randomUUID(),
        sessionKey: record.key,
        agentId: record.agentId,
        owner: record.owner === 1,
        text: said,
        attachments: attachments.map(({ mimeType = "application/octet-stream", fileName, content }): Attachment => {
          const kind = (["image", "audio", "video"] as const).find((type) => mimeType.startsWith(`${type}/`)) ?? "document";
          return { kind, mimeType, data: content, ...(fileName !== undefined && { fileName }) };
        }),
      });
      return { runStarted: true, runId };
    } catch (error) {
      return refused(isGatewayError(error) ? error.code : "UNAVAILABLE", errorMessage(error));
    }
  };

  return [
    bindMethod(
      defineMethod({
        name: "sessions.create",
        summary: "Makes a session, or adopts the one of that key, and sets its fields; with a message, begins a turn in it.",
        scope: dynamicScope(CreateParams),
        idempotency: "kept",
        params: CreateParams,
        result: CreateResult,
      }),
      async (params, call) => {
        const changes = await changesOf(params, CreateParams);
        const agentId = params.agentId ?? room.defaultAgentId();
        const parent = params.parentSessionKey && keyOf(params.parentSessionKey).key;
        const { key, agentId: belongs } = keyOf(params.key ?? `agent:${agentId}:dashboard:${crypto.randomUUID()}`, params.agentId);
        const { created } = await ensure({ key }, call, parent);
        const record = await catalog.change(key, changes);
        changed(key, belongs, { reason: created ? "create" : "patch" }, record);
        return { ok: true as const, key, sessionId: record.sessionId, entry: row(record), ...(await start(record, params)) };
      },
    ),
    bindMethod(
      defineMethod({
        name: "sessions.patch",
        summary: "Sets fields of a session; null clears.",
        scope: dynamicScope(PatchParams),
        params: PatchParams,
        result: Type.Object({ ok: Type.Literal(true), path: text, key: text, entry: SessionRow }),
      }),
      async (params, call) => {
        const changes = await changesOf(params, PatchParams);
        const { record: before } = await ensure(params, call);
        expect(before, params.expectedSessionId);
        const record = await catalog.change(before.key, changes);
        changed(record.key, record.agentId, { reason: "patch" }, record);
        return { ok: true as const, path: storePath, key: record.key, entry: row(record) };
      },
    ),
    bindMethod(
      defineMethod({
        name: "sessions.reset",
        summary: "Begins an empty transcript under a new session id; the old one is kept under its own.",
        scope: "operator.admin",
        params: Type.Object({ ...one, reason: Reason }, closed),
        result: Type.Object({ ok: Type.Literal(true), key: text, entry: SessionRow, resolved: Type.Object({ sessionId: text }) }),
      }),
      async (params, call) => {
        const { record: before } = await ensure(params, call);
        expect(before, params.expectedSessionId);
        await hooks.ended(before.key, "reset");
        const record = await catalog.reset(before, facets(), clock.now());
        changed(record.key, record.agentId, { reason: params.reason ?? "reset" }, record);
        return { ok: true as const, key: record.key, entry: row(record), resolved: { sessionId: record.sessionId } };
      },
    ),
    bindMethod(
      defineMethod({
        name: "sessions.delete",
        summary: "Removes a session, and its transcripts unless deleteTranscript is false.",
        scope: {
          least: "operator.write",
          of: (params) => ((params as { archivedOnly?: boolean }).archivedOnly ? "operator.write" : "operator.admin"),
        },
        params: Type.Object({ ...one, deleteTranscript: flag, emitLifecycleHooks: flag, archivedOnly: flag }, closed),
        result: Type.Object({ ok: Type.Literal(true), key: text, deleted: Type.Boolean(), archived: Type.Array(text) }, closed),
      }),
      async ({ key: written, agentId, expectedSessionId, archivedOnly, deleteTranscript }) => {
        const { key, isMain, agentId: belongs } = keyOf(written, agentId);
        if (isMain) throw sessionErrors.SESSION_PROTECTED(`${key} is the main conversation and stays; sessions.reset empties it`);
        const record = await catalog.find(key);
        if (!record) return { ok: true as const, key, deleted: false, archived: [] };
        expect(record, expectedSessionId);
        if (archivedOnly && record.archived === 0) {
          throw sessionErrors.SESSION_PROTECTED(`${key} is not archived, and archivedOnly was asked for; archive it first`);
        }
        await hooks.ended(key, "deleted");
        const archived = await catalog.remove(record, deleteTranscript === false);
        changed(key, belongs, { reason: "delete" });
        return { ok: true as const, key, deleted: true, archived };
      },
    ),
  ];
}
