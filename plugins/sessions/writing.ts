/** The methods that change sessions. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { type Session, sessionErrors } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { defineMethod, type WireScope } from "@pincer/plugin-sdk/method";
import { SessionRow, sessionRow } from "@pincer/plugin-sdk/wire/session";
import { type Static, type TObject, Type } from "@sinclair/typebox";
import { storePath } from "./list.ts";
import { flag, maybe, one } from "./params.ts";
import type { SessionsContext } from "./uses.ts";

const text = Type.String();
const clearable = Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 512 }), Type.Null()]));
const closed = { additionalProperties: false };
const expected = { ...one, expectedSessionId: maybe };
const Reason = Type.Optional(Type.Union([Type.Literal("new"), Type.Literal("reset")]));

/** What a session has itself. Beside it the facets of plugins may be set, so that these parameters are open. */
const fields = {
  ...{ label: clearable, displayName: clearable, icon: clearable, color: clearable, category: clearable },
  ...{ archived: flag, pinned: flag, unread: flag },
};
const PatchParams = Type.Object({ ...expected, ...fields });

const WireAttachment = Type.Object({ type: Type.Optional(text), mimeType: maybe, fileName: maybe, content: text });
const CreateParams = Type.Object({
  ...{ ...fields, key: maybe, agentId: maybe, parentSessionKey: maybe, idempotencyKey: maybe },
  ...{ message: Type.Optional(text), task: Type.Optional(text), attachments: Type.Optional(Type.Array(WireAttachment)) },
  ...{ emitCommandHooks: flag, succeedsParent: flag },
});
type CreateParams = Static<typeof CreateParams>;
const CreateResult = Type.Object({
  ...{ ok: Type.Literal(true), key: text, sessionId: text, entry: SessionRow, runStarted: Type.Boolean() },
  ...{ runId: maybe, runError: Type.Optional(Type.Object({ code: text, message: text })) },
});

const facetsOf = (params: object, { properties }: TObject) =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !Object.hasOwn(properties, name)));

/** What was given of these. */
const given = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const reset = defineMethod({
  name: "sessions.reset",
  summary: "Begins an empty transcript under a new session id; the old one is kept under its own.",
  scope: "operator.admin",
  params: Type.Object({ ...expected, reason: Reason }, closed),
  result: Type.Object({ ok: Type.Literal(true), key: text, entry: SessionRow, resolved: Type.Object({ sessionId: text }) }),
});
const remove = defineMethod({
  name: "sessions.delete",
  summary: "Removes a session, and its transcripts unless deleteTranscript is false.",
  scope: {
    least: "operator.write",
    of: (params) => ((params as { archivedOnly?: boolean }).archivedOnly ? "operator.write" : "operator.admin"),
  },
  params: Type.Object({ ...expected, deleteTranscript: flag, emitLifecycleHooks: flag, archivedOnly: flag }, closed),
  result: Type.Object({ ok: Type.Literal(true), key: text, deleted: Type.Boolean(), archived: Type.Array(text) }, closed),
});

export function registerWriting({ uses, clock, signal, method }: SessionsContext): void {
  const { catalog, editor } = uses;
  const io = { signal };
  const row = (session: Session) => sessionRow(session, clock.now(), {});
  const which = ({ key, agentId, expectedSessionId }: { key: string; agentId?: string; expectedSessionId?: string }) => ({
    key,
    ...(agentId !== undefined && { agentId }),
    ...(expectedSessionId !== undefined && { sessionId: expectedSessionId }),
  });

  /** Its own fields with `operator.write`, facets with the scope that they ask for; what is none at all is refused afterwards. */
  const ofFields = async (asked: object, params: TObject): Promise<WireScope> => {
    const named = Object.keys(facetsOf(asked, params));
    if (named.length === 0) return "operator.write";
    const { facets } = await editor.settable({}, io);
    return named.every((name) => facets[name] === "operator.write") ? "operator.write" : "operator.admin";
  };
  const create = defineMethod({
    name: "sessions.create",
    summary: "Makes a session, or adopts the one of that key, and sets its fields; with a message, begins a turn in it.",
    scope: {
      least: "operator.write",
      async of(asked) {
        const scope = await ofFields(asked as object, CreateParams);
        const { message, task = "" } = asked as CreateParams;
        return scope === "operator.write" && uses.turn ? (await uses.turn.scopeOf({ text: message ?? task }, io)).scope : scope;
      },
    },
    idempotency: "kept",
    params: CreateParams,
    result: CreateResult,
  });
  const patch = defineMethod({
    name: "sessions.patch",
    summary: "Sets fields of a session; null clears.",
    scope: { least: "operator.write", of: (asked) => ofFields(asked as object, PatchParams) },
    params: PatchParams,
    result: Type.Object({ ok: Type.Literal(true), path: text, key: text, entry: SessionRow }),
  });

  const changesOf = async (params: CreateParams | Static<typeof PatchParams>, named: TObject) => {
    const facets = facetsOf(params, named);
    if (Object.keys(facets).length > 0) {
      const settable = (await editor.settable({}, io)).facets;
      const wrong = Object.keys(facets).find((name) => !Object.hasOwn(settable, name));
      if (wrong !== undefined) {
        const names = [...Object.keys(fields), ...Object.keys(settable)].join(", ");
        throw sessionErrors.SESSION_FIELD_INVALID(`${JSON.stringify(wrong)} cannot be set; what can be is ${names}`);
      }
    }
    const now = clock.now();
    const { label, archived, pinned, unread, displayName, icon, color, category } = params;
    const since = (claim: boolean | undefined) => (claim === undefined ? undefined : claim ? now : null);
    return {
      facets,
      ...(label !== undefined && { label }),
      ...(archived !== undefined && { archived }),
      ...(unread !== undefined && { readAt: unread ? 0 : now }),
      attributes: given({ displayName, icon, color, category, pinnedAt: since(pinned), archivedAt: since(archived) }),
    };
  };

  const start = async (session: Session, { message, task, attachments = [], idempotencyKey }: CreateParams) => {
    const said = message ?? task ?? "";
    if (said === "" && attachments.length === 0) return { runStarted: false };
    const refused = (code: string, why: string) => ({ runStarted: false, runError: { code, message: why } });
    if (!uses.turn) return refused("UNAVAILABLE", "no plugin here runs turns; enable the agent plugin");
    const runId = idempotencyKey ?? crypto.randomUUID();
    const request = {
      ...{ runId, sessionKey: session.key, agentId: session.agentId, owner: session.owner, text: said },
      attachments: attachments.map(({ mimeType = "application/octet-stream", fileName, content }): Attachment => {
        const kind = (["image", "audio", "video"] as const).find((type) => mimeType.startsWith(`${type}/`)) ?? "document";
        return { kind, mimeType, data: content, ...(fileName !== undefined && { fileName }) };
      }),
    };
    try {
      await uses.lanes.admit({ admissions: [await uses.turn.prepare(request, io)] }, io);
      return { runStarted: true, runId };
    } catch (error) {
      return refused(isGatewayError(error) ? error.code : "UNAVAILABLE", errorMessage(error));
    }
  };

  method(create, async (params, { connection }) => {
    const changes = await changesOf(params, CreateParams);
    const parent = params.parentSessionKey === undefined ? {} : await catalog.find({ key: params.parentSessionKey }, io);
    const made = given({ createdBy: connection.principal, parentSessionKey: "key" in parent ? parent.key : undefined });
    const session = await editor.change({ ...changes, ...which({ key: `dashboard:${crypto.randomUUID()}`, ...params }), made }, io);
    return { ok: true as const, key: session.key, sessionId: session.sessionId, entry: row(session), ...(await start(session, params)) };
  });

  method(patch, async (params, { connection: { principal } }) => {
    const changes = await changesOf(params, PatchParams);
    const session = await editor.change({ ...changes, ...which(params), made: { createdBy: principal }, reason: "patch" }, io);
    return { ok: true as const, path: storePath, key: session.key, entry: row(session) };
  });

  method(reset, async ({ reason = "reset", ...params }, { connection: { principal } }) => {
    const session = await editor.reset({ ...which(params), made: { createdBy: principal }, reason }, io);
    return { ok: true as const, key: session.key, entry: row(session), resolved: { sessionId: session.sessionId } };
  });

  method(remove, async ({ archivedOnly = false, deleteTranscript = true, ...params }) => {
    const { key, deleted, kept } = await editor.remove({ ...which(params), archivedOnly, keepTranscripts: !deleteTranscript }, io);
    return { ok: true as const, key, deleted, archived: kept };
  });
}
