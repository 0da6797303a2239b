import { definePlugin } from "@pincer/plugin-sdk";
import { type ApprovalDecision, approvals } from "@pincer/plugin-sdk/contracts/approvals";
import { type PolicyQuestion, policy } from "@pincer/plugin-sdk/contracts/policy";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { inboundReceived, sessionEnded, turnEnded } from "@pincer/plugin-sdk/hooks";
import { sourceText } from "@pincer/plugin-sdk/untrusted";
import { commands } from "./command.ts";
import { ApprovalsConfig } from "./config.ts";
import { createGrants } from "./grants.ts";
import * as methods from "./methods.ts";
import { type Approval, allowedOf, createRequests, type Wish } from "./requests.ts";
import { execListOf, registerReview } from "./review.ts";
import { offers, verdictOf } from "./rules.ts";
import { shownArguments } from "./shown.ts";
import { pendingOf } from "./snapshots.ts";
import { createTelling, endText } from "./telling.ts";
import { uses } from "./uses.ts";
import { registerWire, tellRequested, tellResolved } from "./wire.ts";

/** Of what was read, enough to know which conversation it is. */
const mostNamed = 20;

/** Of the very call: with other arguments it is another one. */
const idOf = ({ sessionKey, runId, callId, tool, arguments: given }: PolicyQuestion): string =>
  `call-${new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([sessionKey, runId, callId, tool, given]))
    .digest("hex")
    .slice(0, 32)}`;

const refusals: Readonly<Record<Exclude<Approval["state"], "open" | "allow-once" | "allow-always">, string>> = {
  deny: "the owner was asked and does not want it; do not try it another way",
  expired: "the owner was asked and did not answer in time; say that it waits for them, and do not try it another way",
  withdrawn: "what had asked has ended",
};

export default definePlugin({
  config: ApprovalsConfig,
  uses,

  setup(ctx) {
    const telling = createTelling(ctx);
    const requests = createRequests(ctx, (approval) => {
      tellResolved(ctx, approval);
      telling.end(approval).catch((error: unknown) => ctx.log.warn("approvals.end-not-told", { error: errorMessage(error) }));
    });

    const grants = createGrants(ctx);

    const decided = async (wish: Wish, signal: AbortSignal, onAsked: (approval: Approval) => void): Promise<Approval> => {
      const address = wish.clientsOnly === true ? null : (wish.address ?? (await telling.seat()));
      const { approval, isNew } = await requests.ask({ ...wish, address });
      if (requests.isOpen(approval)) {
        // Also after a restart: whoever has connected since has heard nothing of it. A message that was sent is not sent again.
        tellRequested(ctx, approval);
        if (!(await telling.ask(approval)) && isNew) {
          ctx.log.warn("approvals.nobody-to-ask", { id: approval.id, tool: approval.tool });
          await requests.withdraw(({ id }) => id === approval.id, { unseen: true });
        }
      }
      onAsked(approval);
      return requests.settled(approval, signal);
    };

    const answer = async (which: string, decision: ApprovalDecision, by: string): Promise<Approval> => {
      const grant = async ({ sessionKey, tool }: Approval): Promise<Readonly<Record<string, unknown>>> =>
        decision === "allow-always" && sessionKey !== null ? grants.given(sessionKey, tool) : {};
      const { approval, isNew } = await requests.answer(which, decision, by, grant);
      if (isNew) {
        const resources = [`id=${approval.id}`, `tool=${approval.tool}`, `session=${approval.sessionKey ?? ""}`];
        await ctx.uses.audit.append({ principal: by, action: `approvals.${decision}`, resources, outcome: "ok" }, { signal: ctx.signal });
      }
      return approval;
    };

    ctx.provide(
      policy,
      "approvals",
      {},
      {
        async decide(question, { signal }) {
          const verdict = verdictOf(ctx.config.rules, await execListOf(ctx), question);
          if (verdict.action === "allow") return { allow: true };
          if (verdict.action === "deny") return { allow: false, reason: verdict.reason };
          if (await grants.has(question.sessionKey, question.tool)) return { allow: true };
          const { tool, access, sessionKey, agentId, runId, callId, owner, chat } = question;
          const wish: Wish = {
            id: idOf(question),
            kind: access === "exec" ? "exec" : "plugin",
            ...{ tool, access, sessionKey, agentId, runId, callId },
            shown: shownArguments(question.arguments),
            why: verdict.why,
            read: question.untrusted.slice(0, mostNamed).map(sourceText),
            // The chat of somebody else is no place to ask the owner in.
            address: owner ? (chat ?? null) : null,
          };
          try {
            const { state, unseen } = await decided(wish, signal, () => undefined);
            if (state === "allow-once" || state === "allow-always") return { allow: true };
            if (unseen === true)
              return {
                allow: false,
                reason: "it needs the owner's yes, and nobody could be asked: no chat with them is known and no client is connected",
              };
            return { allow: false, reason: refusals[state === "open" ? "expired" : state] };
          } catch (error) {
            if (!hasCode(error, "APPROVAL_TOO_MANY")) throw error;
            return { allow: false, reason: `it needs the owner's yes, and ${errorMessage(error)}` };
          }
        },
        offers: async (where) => ({ offer: offers(ctx.config.rules, where) }),
      },
    );
    ctx.provide(
      approvals,
      "approvals",
      {},
      {
        pending: async ({ sessionKey }) => ({
          approvals: (await requests.open()).filter((approval) => approval.sessionKey === sessionKey).map(pendingOf),
        }),
        async answer({ code, decision, by }) {
          try {
            return { text: endText(await answer(code, decision, by)) };
          } catch (error) {
            if (!hasCode(error, "APPROVAL_UNKNOWN")) throw error;
            return { text: "Nothing waits for an answer under that code: it was answered, its time is over, or it is misspelt." };
          }
        },
      },
    );

    registerWire(ctx, { requests, decided, answer });
    registerReview(ctx, { requests, grants, answer });
    ctx.method(methods.list, async () => ({
      approvals: (await requests.open()).map((approval) => {
        const { id, code, tool, access, shown, why, read = [], sessionKey, agentId, createdAt, expiresAt } = approval;
        return {
          ...{ id, code, tool, access, why, read: [...read], allowedDecisions: allowedOf(approval), sessionKey, agentId },
          arguments: shown.whole,
          createdAtMs: createdAt,
          expiresAtMs: expiresAt,
        };
      }),
    }));
    ctx.method(methods.answer, async ({ code, decision }, { connection }) => {
      const { id, tool } = await answer(code, decision, connection.principal);
      return { id, tool, decision };
    });
    for (const { command, run } of commands) ctx.command(command, run);

    ctx.hook(inboundReceived, async (message) => {
      await telling.notice(message);
      return message;
    });
    ctx.hook(turnEnded, async ({ runId, sessionKey }) => {
      await requests.withdraw((approval) => approval.runId === runId && approval.sessionKey === sessionKey);
      return undefined;
    });
    ctx.hook(sessionEnded, async ({ sessionKey, reason }) => {
      if (reason === "idle") return undefined;
      await requests.withdraw((approval) => approval.sessionKey === sessionKey);
      await grants.end(sessionKey);
      return undefined;
    });
  },
});
