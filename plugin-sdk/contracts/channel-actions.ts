/** What some platforms can do besides the talk itself. A channel provides it under its own name, with the members that its platform has. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional } from "../contract.ts";
import { Address } from "./inbox.ts";

const account = Type.String();

/** One line of a menu of commands: what is typed behind the slash, and what it does. */
export const MenuEntry = Type.Object({
  name: Type.String(),
  description: Type.String(),
  /** The one argument that it takes; absent: none. */
  argument: Type.Optional(Type.Object({ name: Type.String(), description: Type.String() })),
});
export type MenuEntry = Static<typeof MenuEntry>;

export const Probe = Type.Object({
  ok: Type.Boolean(),
  /** The account's own name on the platform. */
  self: Type.Optional(Type.String()),
  /** What is wrong, and what to do about it, in a sentence each. */
  detail: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});
export type Probe = Static<typeof Probe>;

export const channelActions = defineContract({
  id: "channel-actions",
  version: 1,
  arity: "many",
  members: {
    /** Asks the platform whether the login holds and has what it needs, without starting anything. Answers within ten seconds. */
    probe: optional(call(Type.Object({ account }), Probe, { safe: true })),
    /** Shows these commands, and no others, where the platform has a menu of them. */
    menu: optional(call(Type.Object({ account, commands: Type.Array(MenuEntry) }), Type.Object({}), { safe: true })),
    /** Ends the login on the platform, and forgets what the plugin keeps of it. */
    logout: optional(call(Type.Object({ account }), Type.Object({}), { safe: true })),
    remove: optional(call(Type.Object({ address: Address, messageId: Type.String() }), Type.Object({}), { safe: true })),
    poll: optional(
      call(
        Type.Object({
          address: Address,
          question: Type.String(),
          options: Type.Array(Type.String()),
          /** How many options one may choose; 1 when absent. */
          most: Type.Optional(Type.Integer()),
          durationMs: Type.Optional(Type.Integer()),
          idempotencyKey: Type.String(),
        }),
        Type.Object({ messageId: Type.String() }),
      ),
    ),
  },
});
