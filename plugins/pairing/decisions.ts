/** What the owner decides about those who asked, wherever it is said: in a chat, on the command line, by a client. */
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import { defineErrors, errorMessage } from "@pincer/plugin-sdk/error";
import type { Admission } from "@pincer/plugin-sdk/job";
import type { Queue } from "@pincer/plugin-sdk/queue";
import { typedCode } from "@pincer/plugin-sdk/typed-code";
import { type Applicant, type Applicants, longestId, type Who } from "./applicants.ts";
import { Attempts } from "./attempts.ts";
import * as methods from "./methods.ts";
import type { PairingContext } from "./uses.ts";
import { letIn } from "./words.ts";

export const pairingErrors = defineErrors({
  PAIRING_CODE_UNKNOWN: { message: "nobody who waits has this code", wire: "INVALID_REQUEST" },
  PAIRING_LOCKED: { message: "too many wrong codes", wire: "UNAVAILABLE", retryable: true },
  PAIRING_NOT_SENDER: { message: "a group cannot be the owner", wire: "INVALID_REQUEST" },
  PAIRING_OWNERS: { message: "this sender is linked as the owner", wire: "INVALID_REQUEST" },
  PAIRING_NOBODY: { message: "nobody of that id was let in", wire: "INVALID_REQUEST" },
});

/** Who decides: how it is recorded, and for whom wrong codes are counted. */
export interface Decider {
  readonly principal: string;
}

interface Wish {
  readonly notify?: boolean;
  readonly owner?: boolean;
  /** Kept in the commit of the decision. */
  readonly also?: (applicant: Applicant) => Readonly<Record<string, unknown>>;
}

export type Decisions = ReturnType<typeof createDecisions>;

export function createDecisions(ctx: PairingContext, applicants: Applicants, inTurn: Queue) {
  const { audit, outbox, owners } = ctx.uses;
  /** Not the caller's: what was begun is done, and recorded. */
  const io = { signal: ctx.signal };
  const attempts = new Attempts(ctx.clock, () => ctx.config.wrongCodes);

  const message = async (address: Address, text: string, key: string): Promise<readonly Admission[]> => [
    await outbox.prepare({ address, text, key: `pairing:${key}` }, io),
  ];
  const record = ({ principal }: Decider, action: string, { channel, account, id }: Who) =>
    audit.append({ principal, action, resources: [`channel=${channel}`, `accountId=${account}`, `id=${id}`], outcome: "ok" }, io);
  const tell = ({ requestId, kind, channel, account, id }: Applicant, decision: "approved" | "rejected" | "revoked") =>
    ctx.emit(methods.resolved, { requestId, kind, channel, accountId: account, id, decision, ts: ctx.clock.now() });

  const open = async () => (await applicants.all()).filter(applicants.isOpen);

  /** Whoever has the code, or the request of that id. */
  const wanted = async (code: string, { principal }: Decider): Promise<Applicant> => {
    const wait = attempts.lockedFor(principal);
    if (wait > 0)
      throw pairingErrors.PAIRING_LOCKED(`too many wrong codes; try again in ${Math.ceil(wait / 60_000)} min`, { retryAfterMs: wait });
    const found = (await open()).find((applicant) => applicant.requestId === code || applicant.code === typedCode(code));
    if (found) return found;
    attempts.wrong(principal);
    throw pairingErrors.PAIRING_CODE_UNKNOWN(
      `nobody who waits has the code ${JSON.stringify(code)}: a code holds for ${Math.round(ctx.config.codeTtlMs / 60_000)} min; pincer pairing list shows who waits`,
    );
  };

  return {
    open,
    all: applicants.all,

    approve: (code: string, by: Decider, { notify = true, owner = false, also = () => ({}) }: Wish = {}): Promise<Applicant> =>
      inTurn(async () => {
        const applicant = await wanted(code, by);
        const { channel, account, id, address, requestId } = applicant;
        if (owner && applicant.kind === "group") throw pairingErrors.PAIRING_NOT_SENDER(`${id} is a group; only a person is the owner`);
        // First, since it may fail: an owner who was linked and not approved may write, too.
        if (owner) await owners.link({ channel, account, sender: id }, io);
        const sent = notify ? await message(address, letIn(applicant, owner), `${requestId}:approved`) : [];
        const approved = await applicants.decide(applicant, "approved", by.principal, sent, also(applicant));
        await record(by, owner ? "pairing.approve-owner" : "pairing.approve", applicant);
        tell(approved, "approved");
        return approved;
      }),

    reject: (code: string, by: Decider, { also = () => ({}) }: Wish = {}): Promise<Applicant> =>
      inTurn(async () => {
        const applicant = await wanted(code, by);
        const rejected = await applicants.decide(applicant, "rejected", by.principal, [], also(applicant));
        await record(by, "pairing.reject", applicant);
        tell(rejected, "rejected");
        return rejected;
      }),

    /** Senders and groups of that id. A sender who is the owner stays so unless `owner` says otherwise. */
    revoke: (where: Omit<Who, "kind">, by: Decider, owner: boolean) =>
      inTurn(async () => {
        const { channel, account, id } = where;
        if (id.length > longestId) throw pairingErrors.PAIRING_NOBODY(`no id is longer than ${longestId} characters`);
        const identity = { channel, account, sender: id };
        const isOwner = (await owners.is(identity, io)).owner;
        if (isOwner && !owner)
          throw pairingErrors.PAIRING_OWNERS(
            `${id} is linked as the owner, who may always write; to end that, too: pincer pairing revoke ${channel}/${account}:${id} --owner`,
          );
        const { unlinked } = isOwner ? await owners.unlink(identity, io) : { unlinked: false };
        const found = (await Promise.all((["sender", "group"] as const).map((kind) => applicants.find({ kind, ...where })))).flatMap(
          (applicant) => (applicant === undefined || applicant.state === "asked" ? [] : [applicant]),
        );
        if (found.length === 0 && !unlinked)
          throw pairingErrors.PAIRING_NOBODY(`nobody with the id ${JSON.stringify(id)} was let in on ${channel}, account ${account}`);
        for (const applicant of found) {
          await applicants.forget(applicant);
          tell(applicant, "revoked");
        }
        await record(by, unlinked ? "pairing.revoke-owner" : "pairing.revoke", { kind: "sender", ...where });
        return { revoked: found.map(({ kind }) => kind), unlinked };
      }),

    /** What the owner is sent about one who asks, where the owner wrote last; nothing when that is nowhere. */
    async askOwner(applicant: Applicant, address: Address | undefined, said: { readonly text: string }): Promise<readonly Admission[]> {
      if (address === undefined) return [];
      try {
        return [await outbox.prepare({ address, ...said, key: `pairing:${applicant.requestId}:asked` }, io)];
      } catch (error) {
        ctx.log.warn("pairing.owner-not-told", { channel: address.channel, error: errorMessage(error) });
        return [];
      }
    },
  };
}
