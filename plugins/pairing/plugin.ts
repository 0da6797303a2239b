import { definePlugin } from "@pincer/plugin-sdk";
import { senderPolicy } from "@pincer/plugin-sdk/contracts/sender-policy";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { type Applicant, createApplicants } from "./applicants.ts";
import { commands } from "./command.ts";
import { PairingConfig } from "./config.ts";
import { createDecisions, pairingErrors } from "./decisions.ts";
import { createJudge } from "./judge.ts";
import * as methods from "./methods.ts";
import { uses } from "./uses.ts";
import { listed } from "./wire.ts";

const whoIs = ({ kind, channel, account, id }: Applicant) => ({ kind, channel, accountId: account, id });
const called = ({ name }: Applicant) => (name ? { name } : {});

export default definePlugin({
  config: PairingConfig,
  uses,

  setup(ctx) {
    const { method, uses } = ctx;
    const io = { signal: ctx.signal };
    const inTurn = createQueue();
    const applicants = createApplicants({
      store: ctx.store,
      clock: ctx.clock,
      config: () => ctx.config,
      commit: async (values, admissions) => {
        if (admissions.length === 0) await ctx.store.set(values);
        else await uses.lanes.admit({ admissions: [...admissions], values: { ...values } }, io);
      },
    });
    const decisions = createDecisions(ctx, applicants, inTurn);
    const judge = createJudge(ctx, applicants, decisions, inTurn);

    ctx.event(methods.requested);
    ctx.event(methods.resolved);
    ctx.provide(senderPolicy, "pairing", {}, { judge: ({ message, rules }) => judge(message, rules) });

    method(methods.pairingList, async (only) => ({
      ...(await listed(ctx, await decisions.open(), only)),
      limits: { pendingPerAccount: ctx.config.openPerAccount, ttlMs: ctx.config.codeTtlMs },
    }));

    /** A request that waits, of that account, by its id. */
    const waiting = async (asked: { readonly channel: string; readonly accountId: string; readonly requestId: string }) => {
      const { channel, accountId, requestId } = asked;
      const found = (await decisions.open()).find((applicant) => applicant.requestId === requestId);
      if (found?.kind === "sender" && found.channel === channel && found.account === accountId) return found;
      throw pairingErrors.PAIRING_CODE_UNKNOWN(`no request "${requestId}" waits on ${channel}, account ${accountId}`);
    };
    method(methods.pairingApprove, async ({ notify = true, bootstrapCommandOwner = false, ...asked }, call) => {
      const { requestId, channel } = await waiting(asked);
      const isKnown = (await uses.owners.list({}, io)).identities.length > 0;
      const owner = bootstrapCommandOwner && !isKnown;
      const canTell = uses.channels.list().some(({ name }) => name === channel);
      const { id } = await decisions.approve(requestId, call.connection, { notify: notify && canTell, owner });
      return {
        requestId,
        senderId: id,
        notification: notify ? (canTell ? ("sent" as const) : ("unsupported" as const)) : ("not-requested" as const),
        commandOwnerBootstrap: bootstrapCommandOwner
          ? owner
            ? ("configured" as const)
            : ("already-configured" as const)
          : ("not-requested" as const),
      };
    });
    method(methods.pairingDismiss, async (asked, call) => {
      const { requestId } = await waiting(asked);
      const { id } = await decisions.reject(requestId, call.connection);
      return { requestId, senderId: id };
    });

    method(methods.list, async () => {
      const all = await applicants.all();
      const { identities } = await uses.owners.list({}, io);
      return {
        requests: all.filter(applicants.isOpen).map((applicant) => ({
          requestId: applicant.requestId,
          ...whoIs(applicant),
          ...called(applicant),
          createdAtMs: applicant.createdAt,
          expiresAtMs: applicant.expiresAt,
        })),
        approved: all
          .filter(({ state }) => state === "approved")
          .map((applicant) => ({
            ...whoIs(applicant),
            ...called(applicant),
            approvedAtMs: applicant.decidedAt ?? applicant.createdAt,
            approvedBy: applicant.by ?? "shared",
          })),
        owners: identities.map(({ channel, account, sender }) => ({
          channel,
          ...(account === undefined ? {} : { accountId: account }),
          id: sender,
        })),
      };
    });
    const outcome = (applicant: Applicant) => ({ requestId: applicant.requestId, ...whoIs(applicant), ...called(applicant) });
    method(methods.approve, async ({ code, owner = false }, call) => outcome(await decisions.approve(code, call.connection, { owner })));
    method(methods.reject, async ({ code }, call) => outcome(await decisions.reject(code, call.connection)));
    method(methods.revoke, ({ channel, accountId, id, owner = false }, call) =>
      decisions.revoke({ channel, account: accountId, id }, call.connection, owner),
    );

    for (const { command, run } of commands) ctx.command(command, run);
  },
});
