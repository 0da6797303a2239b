/** What reviewers ask and answer whatever the kind: `approval.*`, the list of commands, and what was allowed from now on. */
import { ApprovalDecision } from "@pincer/plugin-sdk/contracts/approvals";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { ExecList, emptyList } from "./exec-list.ts";
import type { Grants } from "./grants.ts";
import { type Approval, approvalErrors, type Requests } from "./requests.ts";
import { Pending, pendingOf, Terminal, terminalOf } from "./snapshots.ts";
import type { ApprovalsContext } from "./uses.ts";

const closed = { additionalProperties: false };
const Word = Type.String({ minLength: 1 });
const scope = "operator.approvals";
const kind = Type.Union([Type.Literal("exec"), Type.Literal("plugin"), Type.Literal("system-agent")]);

const get = defineMethod({
  name: "approval.get",
  summary: "One request, open or decided.",
  scope,
  params: Type.Object({ id: Word }, closed),
  result: Type.Object({ approval: Type.Union([Pending, Terminal]) }),
});
const resolve = defineMethod({
  name: "approval.resolve",
  summary: "Answers a request; of one that was decided before it says how.",
  scope,
  params: Type.Object({ id: Word, kind, decision: ApprovalDecision }, closed),
  result: Type.Object({ applied: Type.Boolean(), approval: Terminal }),
});
const history = defineMethod({
  name: "approval.history",
  summary: "What was decided, the last first.",
  scope,
  params: Type.Object(
    {
      cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
      kind: Type.Optional(kind),
    },
    closed,
  ),
  result: Type.Object({ items: Type.Array(Terminal), nextCursor: Type.Optional(Word) }),
});

const Snapshot = Type.Object({
  path: Word,
  exists: Type.Boolean(),
  hash: Word,
  file: ExecList,
  resolvedDefaults: Type.Object({
    security: Type.Union([Type.Literal("deny"), Type.Literal("allowlist"), Type.Literal("full")]),
    ask: Type.Union([Type.Literal("off"), Type.Literal("on-miss"), Type.Literal("always")]),
    askFallback: Type.Literal("deny"),
    autoAllowSkills: Type.Literal(false),
  }),
});
const listGet = defineMethod({
  name: "exec.approvals.get",
  summary: "The list of commands: which run, which are asked about, by agent.",
  scope: "operator.admin",
  params: Type.Object({}, closed),
  result: Snapshot,
});
const listSet = defineMethod({
  name: "exec.approvals.set",
  summary: "Replaces the list of commands; `baseHash` is the hash of the one that was read.",
  scope: "operator.admin",
  params: Type.Object({ file: ExecList, baseHash: Type.Optional(Word) }, closed),
  result: Snapshot,
});

const standing = defineMethod({
  name: "exec.approval.grants.list",
  summary: "Commands that a scheduled job may run from now on: none, since none can be given.",
  scope,
  params: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) }, closed),
  result: Type.Object({ grants: Type.Array(Type.Unknown(), { maxItems: 0 }) }),
});
const standingRevoke = defineMethod({
  name: "exec.approval.grants.revoke",
  summary: "Takes such a command back.",
  scope,
  params: Type.Object({ grantId: Word }, closed),
  result: Type.Object({ outcome: Type.Literal("not-found") }),
});
const Grant = { sessionKey: Word, tool: Word };
const grantsList = defineMethod({
  name: "approvals.grants",
  summary: "Tools that were allowed from now on, by conversation.",
  scope,
  params: Type.Object({}, closed),
  result: Type.Object({ grants: Type.Array(Type.Object(Grant)) }),
});
const grantsRevoke = defineMethod({
  name: "approvals.revoke",
  summary: "Has a tool ask again in a conversation.",
  scope,
  params: Type.Object(Grant, closed),
  result: Type.Object({ revoked: Type.Boolean() }),
});

const listKey = "exec-list";
const usualItems = 50;
const hashOf = (file: ExecList): string => new Bun.CryptoHasher("sha256").update(JSON.stringify(file)).digest("hex");

export const execListOf = async ({ store }: ApprovalsContext): Promise<ExecList> => (await store.get<ExecList>(listKey)) ?? emptyList;

interface Parts {
  readonly requests: Requests;
  readonly grants: Grants;
  answer(which: string, decision: ApprovalDecision, by: string): Promise<Approval>;
}

export function registerReview(ctx: ApprovalsContext, { requests, grants, answer }: Parts): void {
  const found = async (id: string): Promise<Approval> => {
    const approval = await requests.find(id);
    if (approval === undefined) throw approvalErrors.APPROVAL_UNKNOWN(`nothing is known under the id ${JSON.stringify(id.slice(0, 64))}`);
    return approval;
  };
  const record = (principal: string, action: string, resources: readonly string[]) =>
    ctx.uses.audit.append({ principal, action, resources: [...resources], outcome: "ok" }, { signal: ctx.signal });

  ctx.method(get, async ({ id }) => {
    const approval = await found(id);
    return { approval: requests.isOpen(approval) ? pendingOf(approval) : terminalOf(approval) };
  });
  ctx.method(resolve, async ({ id, kind: asked, decision }, { connection }) => {
    const approval = await found(id);
    if (approval.kind !== asked)
      throw approvalErrors.APPROVAL_UNKNOWN(`${JSON.stringify(id.slice(0, 64))} is of the kind ${approval.kind}, not ${asked}`);
    if (!requests.isOpen(approval)) return { applied: false, approval: terminalOf(approval) };
    return { applied: true, approval: terminalOf(await answer(id, decision, connection.principal)) };
  });
  ctx.method(history, async ({ cursor, limit = usualItems, kind: only }) => {
    const decided = (await requests.all()).filter(
      (approval) => !requests.isOpen(approval) && (only === undefined || approval.kind === only),
    );
    const items = decided.map(terminalOf).sort((a, b) => b.resolvedAtMs - a.resolvedAtMs || (a.id < b.id ? -1 : 1));
    const placeOf = ({ resolvedAtMs, id }: Terminal) => `${resolvedAtMs}/${id}`;
    const [at = "", ...id] = cursor?.split("/") ?? [];
    const isBehind = (item: Terminal) => item.resolvedAtMs < Number(at) || (item.resolvedAtMs === Number(at) && item.id > id.join("/"));
    const rest = cursor === undefined ? items : items.filter(isBehind);
    const page = rest.slice(0, limit);
    const last = page.at(-1);
    return { items: page, ...(last !== undefined && rest.length > limit ? { nextCursor: placeOf(last) } : {}) };
  });

  const snapshot = async () => {
    const kept = await ctx.store.get<ExecList>(listKey);
    const file = kept ?? emptyList;
    const { security = "full", ask = "off" } = file.defaults ?? {};
    const resolvedDefaults = { security, ask, askFallback: "deny" as const, autoAllowSkills: false as const };
    return { path: "the gateway's store: approvals/exec-list", exists: kept !== undefined, hash: hashOf(file), file, resolvedDefaults };
  };
  ctx.method(listGet, snapshot);
  ctx.method(listSet, ({ file, baseHash }, { connection }) =>
    requests.inTurn(async () => {
      const { exists, hash } = await snapshot();
      if (exists && baseHash === undefined)
        throw approvalErrors.APPROVAL_LIST_CHANGED("expected baseHash, the hash of the list that exec.approvals.get gave; came none");
      if (baseHash !== undefined && baseHash !== hash)
        throw approvalErrors.APPROVAL_LIST_CHANGED("the list has changed since it was read: read it again with exec.approvals.get");
      await ctx.store.set({ [listKey]: file });
      await record(connection.principal, "exec.approvals.set", [`hash=${hashOf(file)}`]);
      return snapshot();
    }),
  );

  ctx.method(standing, async () => ({ grants: [] }));
  ctx.method(standingRevoke, async () => ({ outcome: "not-found" as const }));
  ctx.method(grantsList, async () => ({ grants: await grants.list() }));
  ctx.method(grantsRevoke, ({ sessionKey, tool }, { connection }) =>
    requests.inTurn(async () => {
      const revoked = await grants.revoke(sessionKey, tool);
      if (revoked) await record(connection.principal, "approvals.revoke", [`tool=${tool}`, `session=${sessionKey}`]);
      return { revoked };
    }),
  );
}
