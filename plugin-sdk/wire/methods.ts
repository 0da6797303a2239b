/** Methods that every gateway answers, whatever plugins it has. */
import { type TSchema, Type } from "@sinclair/typebox";
import { defineMethod, type Method, type WireScope } from "../method.ts";

export const health = defineMethod({
  name: "health",
  summary: "How the gateway and its parts are.",
  scope: "any",
  params: Type.Object({ probe: Type.Optional(Type.Boolean()) }),
  result: Type.Record(Type.String(), Type.Unknown()),
});

export interface PolledList {
  readonly method: Method;
  /** That there is none of it. */
  answer(now: number): unknown;
}

const None = Type.Array(Type.Never(), { maxItems: 0 });
const summary = "Empty until a plugin provides it.";

const polled = (name: string, scope: WireScope, result: TSchema, answer: PolledList["answer"]): PolledList => ({
  // Filters are accepted: whatever they ask for, there is none of it.
  method: defineMethod({ name, summary, scope, params: Type.Object({}), result }),
  answer,
});
const approvals = (name: string) => polled(name, "operator.approvals", None, () => []);
const keyed = (name: string, scope: WireScope, ...keys: readonly string[]) =>
  polled(name, scope, Type.Object(Object.fromEntries(keys.map((key) => [key, None]))), () =>
    Object.fromEntries(keys.map((key) => [key, []])),
  );

/**
 * What clients poll in a loop until they get an answer (`protocol` section 8), for features whose plugin is not installed: an empty list
 * says so honestly. A plugin that owns the name takes it over.
 */
export const polledLists: readonly PolledList[] = [
  keyed("question.list", "operator.questions", "questions"),
  approvals("plugin.approval.list"),
  approvals("exec.approval.list"),
  approvals("openclaw.approval.list"),
  keyed("taskSuggestions.list", "operator.read", "suggestions"),
  keyed("tasks.list", "operator.read", "tasks"),
  keyed("commands.list", "operator.read", "commands"),
  keyed("node.pair.list", "operator.pairing", "pending", "paired"),
  polled("node.list", "operator.read", Type.Object({ ts: Type.Integer(), nodes: None }), (ts) => ({ ts, nodes: [] })),
  polled("update.status", "operator.admin", Type.Object({ sentinel: Type.Null(), updateAvailable: Type.Null() }), () => ({
    sentinel: null,
    updateAvailable: null,
  })),
  polled("last-heartbeat", "operator.read", Type.Null(), () => null),
];
