/** Who is told of what happens in sessions. */
import { defineMethod, type MethodCall } from "@pincer/plugin-sdk/method";
import { allSessions, oneSession } from "@pincer/plugin-sdk/wire/session";
import { Type } from "@sinclair/typebox";
import { type List, ListParams, SessionList } from "./list.ts";
import { one } from "./params.ts";
import type { SessionsContext } from "./uses.ts";

const closed = { additionalProperties: false };
const scope = "operator.read";
const Subscription = Type.Object({ subscribed: Type.Boolean(), key: Type.String() });

const subscribe = defineMethod({
  name: "sessions.subscribe",
  summary: "Events about every session for this connection; with the parameters of sessions.list, the list too.",
  scope,
  params: ListParams,
  result: Type.Object({ subscribed: Type.Literal(true), list: Type.Optional(SessionList) }),
});
const subscribeOne = defineMethod({
  name: "sessions.messages.subscribe",
  summary: "Events about one session for this connection.",
  scope,
  params: Type.Object({ ...one, includeApprovals: Type.Optional(Type.Boolean()) }, closed),
  result: Subscription,
});
const unsubscribeOne = defineMethod({
  name: "sessions.messages.unsubscribe",
  summary: "Ends sessions.messages.subscribe.",
  scope,
  params: Type.Object(one, closed),
  result: Subscription,
});

export function registerSubscribing({ uses, signal, method }: SessionsContext, list: List): void {
  const io = { signal };
  const follow = async (written: { key: string; agentId?: string }, { connection }: MethodCall, subscribed: boolean) => {
    const { key } = await uses.catalog.find({ key: written.key, ...(written.agentId !== undefined && { agentId: written.agentId }) }, io);
    await uses.subscriptions[subscribed ? "subscribe" : "unsubscribe"]({ connectionId: connection.id, topic: oneSession(key) }, io);
    return { subscribed, key };
  };

  method(subscribe, async (params, { connection }) => {
    await uses.subscriptions.subscribe({ connectionId: connection.id, topic: allSessions }, io);
    return { subscribed: true as const, ...(Object.keys(params).length > 0 && { list: await list(params) }) };
  });
  method(subscribeOne, (params, call) => follow(params, call, true));
  method(unsubscribeOne, (params, call) => follow(params, call, false));
}
