/** Who is told of what happens in sessions. */
import { defineMethod, type MethodCall } from "@pincer/plugin-sdk/method";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import { allSessions, approvalsOf, oneSession } from "@pincer/plugin-sdk/wire/session";
import { Type } from "@sinclair/typebox";
import { type List, ListParams, SessionList } from "./list.ts";
import { one } from "./params.ts";
import type { SessionsContext } from "./uses.ts";

const closed = { additionalProperties: false };
const scope = "operator.read";
const Subscription = Type.Object({ subscribed: Type.Boolean(), key: Type.String() });
/** As many as clients show. */
const mostReplayed = 100;

const subscribe = defineMethod({
  name: "sessions.subscribe",
  summary: "Events about every session for this connection; with the parameters of sessions.list, the list too.",
  scope,
  params: ListParams,
  result: Type.Object({ subscribed: Type.Literal(true), list: Type.Optional(SessionList) }),
});
const subscribeOne = defineMethod({
  name: "sessions.messages.subscribe",
  summary: "Events about one session for this connection; for a reviewer, when asked for, also what waits there for the owner's word.",
  scope,
  params: Type.Object({ ...one, includeApprovals: Type.Optional(Type.Boolean()) }, closed),
  result: Type.Object({
    ...Subscription.properties,
    approvalReplay: Type.Optional(
      Type.Object({
        sessionKey: Type.String(),
        updatedAtMs: Type.Integer(),
        approvals: Type.Array(Type.Unknown()),
        truncated: Type.Boolean(),
      }),
    ),
  }),
});
const unsubscribeOne = defineMethod({
  name: "sessions.messages.unsubscribe",
  summary: "Ends sessions.messages.subscribe.",
  scope,
  params: Type.Object(one, closed),
  result: Subscription,
});

export function registerSubscribing({ uses, signal, clock, method }: SessionsContext, list: List): void {
  const io = { signal };
  const topicsOf = (key: string) => [oneSession(key), approvalsOf(key)];
  const follow = async (written: { key: string; agentId?: string }, { connection }: MethodCall, subscribed: boolean) => {
    const { key } = await uses.catalog.find({ key: written.key, ...(written.agentId !== undefined && { agentId: written.agentId }) }, io);
    if (subscribed) await uses.subscriptions.subscribe({ connectionId: connection.id, topic: oneSession(key) }, io);
    else for (const topic of topicsOf(key)) await uses.subscriptions.unsubscribe({ connectionId: connection.id, topic }, io);
    return { subscribed, key };
  };
  /** Subscribed first, so that nothing falls between the two. */
  const replay = async (key: string, { connection, scopes }: MethodCall) => {
    const pending = uses.approvals?.pending;
    if (pending === undefined || !allows(scopes, "operator.approvals")) return {};
    await uses.subscriptions.subscribe({ connectionId: connection.id, topic: approvalsOf(key) }, io);
    const { approvals } = await pending({ sessionKey: key }, io);
    const shown = { approvals: approvals.slice(0, mostReplayed), truncated: approvals.length > mostReplayed };
    return { approvalReplay: { sessionKey: key, updatedAtMs: clock.now(), ...shown } };
  };

  method(subscribe, async (params, { connection }) => {
    await uses.subscriptions.subscribe({ connectionId: connection.id, topic: allSessions }, io);
    return { subscribed: true as const, ...(Object.keys(params).length > 0 && { list: await list(params) }) };
  });
  method(subscribeOne, async ({ includeApprovals, ...params }, call) => {
    const followed = await follow(params, call, true);
    return { ...followed, ...(includeApprovals === true ? await replay(followed.key, call) : {}) };
  });
  method(unsubscribeOne, (params, call) => follow(params, call, false));
}
