/** Which connection is told of which topic. An event still reaches only those that hold its scope. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

const Subscription = Type.Object({ connectionId: Type.String(), topic: Type.String() });

export const subscriptions = defineContract({
  id: "subscriptions",
  version: 1,
  arity: "one",
  scope: "operator.read",
  members: {
    /** Both do nothing when there is no such connection any more. */
    subscribe: call(Subscription, Type.Object({}), { safe: true }),
    unsubscribe: call(Subscription, Type.Object({}), { safe: true }),
  },
});
