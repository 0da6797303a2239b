/** Whoever runs the gateway is told when a budget comes to its end: once in its time, by an event, in the log, and in the conversation. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { BudgetState } from "@pincer/plugin-sdk/contracts/budgets";
import type { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { ownSessions, programSessions } from "@pincer/plugin-sdk/session-key";
import { Type } from "@sinclair/typebox";

export const budgetReached = defineEvent({
  name: "budgets.reached",
  summary: "Much of a budget is used, or all of it: once in its time.",
  scope: "operator.read",
  payload: Type.Object({
    level: Type.Union([Type.Literal("soft"), Type.Literal("used-up")]),
    limit: BudgetState,
    /** For people. */
    message: Type.String(),
    sessionKey: Type.Optional(Type.String()),
    ts: Type.Integer(),
  }),
});

/** The part of the agent's own method that is needed here. */
const chatInject = defineMethod({
  name: "chat.inject",
  summary: "Appends a message of the assistant to a conversation, without asking a model.",
  scope: "operator.admin",
  params: Type.Object({ sessionKey: Type.String(), message: Type.String(), note: Type.Boolean() }),
  result: Type.Object({ ok: Type.Literal(true) }),
});

interface Telling {
  readonly message: string;
  /** The conversation in which it happened. */
  readonly sessionKey: string;
  /** Whoever asked in the owner's own conversation reads of it there already. */
  readonly isAnswered: boolean;
}

const unread: ReadonlySet<string> = new Set([...ownSessions, ...Object.values(programSessions)]);
/** Whether nobody reads along in a session of the owner's. */
const isUnread = (key: string): boolean => unread.has(key.split(":", 3)[2] ?? "");

type Context = Pick<PluginContext, "log" | "call" | "signal"> & { readonly uses: { readonly sessions: ImplementationOf<typeof sessions> } };

/** A line in the conversation of the owner in which it happened, or in the owner's main one. No model sees it. */
export async function tellOwner(ctx: Context, { message, sessionKey, isAnswered }: Telling): Promise<void> {
  try {
    const session = sessionKey === "" ? null : await ctx.uses.sessions.get({ key: sessionKey }, { signal: ctx.signal });
    const isOwners = session?.owner === true && !isUnread(session.key);
    if (isOwners && isAnswered) return;
    await ctx.call(chatInject, { sessionKey: isOwners ? sessionKey : "main", message, note: true });
  } catch (error) {
    ctx.log.warn("budgets.owner-not-told", { error: errorMessage(error) });
  }
}
