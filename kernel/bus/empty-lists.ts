/**
 * What clients poll in a loop until they get an answer (`protocol` section 8), for features whose plugin is not installed: there is
 * none of it, which an empty list says honestly. A plugin that owns the name takes it over.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { defineMethod, type WireScope } from "@pincer/plugin-sdk/method";
import { type TSchema, Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "./bindings.ts";

const None = Type.Array(Type.Never(), { maxItems: 0 });

interface EmptyList {
  readonly scope: WireScope;
  readonly result: TSchema;
  answer(now: number): unknown;
}

const approvals: EmptyList = { scope: "operator.approvals", result: None, answer: () => [] };
const keyed = (scope: WireScope, ...keys: readonly string[]): EmptyList => ({
  scope,
  result: Type.Object(Object.fromEntries(keys.map((key) => [key, None]))),
  answer: () => Object.fromEntries(keys.map((key) => [key, []])),
});

const table: Readonly<Record<string, EmptyList>> = {
  "question.list": keyed("operator.questions", "questions"),
  "plugin.approval.list": approvals,
  "exec.approval.list": approvals,
  "openclaw.approval.list": approvals,
  "taskSuggestions.list": keyed("operator.read", "suggestions"),
  "tasks.list": keyed("operator.read", "tasks"),
  "commands.list": keyed("operator.read", "commands"),
  "node.pair.list": keyed("operator.pairing", "pending", "paired"),
  "node.list": {
    scope: "operator.read",
    result: Type.Object({ ts: Type.Integer(), nodes: None }),
    answer: (ts) => ({ ts, nodes: [] }),
  },
  "update.status": {
    scope: "operator.admin",
    result: Type.Object({ sentinel: Type.Null(), updateAvailable: Type.Null() }),
    answer: () => ({ sentinel: null, updateAvailable: null }),
  },
  "last-heartbeat": { scope: "operator.read", result: Type.Null(), answer: () => null },
};

/** Filters are accepted: whatever they ask for, there is none of it. */
export const emptyLists = (clock: Clock): ReadonlyMap<string, MethodBinding> =>
  new Map(
    Object.entries(table).map(([name, { scope, result, answer }]) => {
      const summary = "Empty until a plugin provides it.";
      const method = defineMethod({ name, summary, scope, params: Type.Object({}), result });
      return [name, bindMethod(method, () => answer(clock.now()))];
    }),
  );
