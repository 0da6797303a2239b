/**
 * What waits for the owner's word. A request is kept before anybody is asked, under an id made of the very call, so that after a restart the
 * same call finds its request, open or decided, and no other call finds it. Whatever goes wrong, nobody has said yes.
 */

import type { ApprovalDecision } from "@pincer/plugin-sdk/contracts/approvals";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { Access } from "@pincer/plugin-sdk/contracts/tool";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { newCode, typedCode } from "@pincer/plugin-sdk/typed-code";
import type { Shown } from "./shown.ts";
import type { ApprovalsContext } from "./uses.ts";

export const approvalErrors = defineErrors({
  APPROVAL_UNKNOWN: { message: "nothing waits for this answer", wire: "APPROVAL_NOT_FOUND" },
  APPROVAL_DECISION: { message: "this is not an answer", wire: "INVALID_REQUEST" },
  APPROVAL_LIST_CHANGED: { message: "the list of commands is another one by now", wire: "INVALID_REQUEST" },
  APPROVAL_TOO_MANY: { message: "too many calls wait already", wire: "UNAVAILABLE", retryable: true },
});

/** `expired`: nobody answered in time. `withdrawn`: what had asked ended before. */
export type State = "open" | ApprovalDecision | "expired" | "withdrawn";

export interface CommandFacts {
  readonly commandArgv?: readonly string[] | undefined;
  readonly cwd: string | null;
  readonly host: string | null;
  readonly nodeId: string | null;
  readonly security: string | null;
  readonly ask: string | null;
}

export interface Wish {
  /** Unique for the call. */
  readonly id: string;
  /** On the wire commands and other tools are two kinds. */
  readonly kind: "exec" | "plugin";
  readonly tool: string;
  readonly access: Access;
  readonly sessionKey: string | null;
  readonly agentId: string | null;
  readonly runId: string | null;
  readonly callId: string | null;
  readonly shown: Shown;
  readonly why: string;
  /** What the conversation holds that the owner did not write. */
  readonly read?: readonly string[];
  /** Absent: any. */
  readonly allowed?: readonly ApprovalDecision[];
  /** What a client said of the command beside its text. */
  readonly facts?: CommandFacts;
  /** Where the owner is asked in a chat. */
  readonly address: Address | null;
  /** Also where a chat with the owner is known, only clients are told. */
  readonly clientsOnly?: boolean;
  readonly timeoutMs?: number | undefined;
}

export interface Approval extends Omit<Wish, "timeoutMs"> {
  readonly code: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly state: State;
  readonly by?: string;
  readonly decidedAt?: number;
  /** It was withdrawn since there was nobody who could see it. */
  readonly unseen?: boolean;
}

export const everyDecision: readonly ApprovalDecision[] = ["allow-once", "allow-always", "deny"];
export const allowedOf = ({ allowed = everyDecision }: Approval): ApprovalDecision[] => [...allowed];

/** Two places, so that what waits, which is little and asked for at the end of every turn, is found without reading what is kept of the rest. */
const openPrefix = "request/";
const endedPrefix = "ended/";
const mostKept = 200;

export type Requests = ReturnType<typeof createRequests>;

export function createRequests(ctx: ApprovalsContext, onDecided: (approval: Approval) => void) {
  const { store, clock } = ctx;
  const inTurn = createQueue();
  const waiting = new Map<string, Set<(approval: Approval) => void>>();
  const listed = async (prefix: string) => (await store.list<Approval>(prefix)).map(({ value }) => value);
  const find = async (id: string) => (await store.get<Approval>(openPrefix + id)) ?? store.get<Approval>(endedPrefix + id);
  const all = async () => (await Promise.all([listed(openPrefix), listed(endedPrefix)])).flat();
  const isOpen = ({ state, expiresAt }: Approval) => state === "open" && expiresAt > clock.now();
  const open = async () => (await listed(openPrefix)).filter(isOpen).sort((a, b) => a.createdAt - b.createdAt);
  const ended = (approval: Approval) => ({ [openPrefix + approval.id]: undefined, [endedPrefix + approval.id]: approval });

  type How = Pick<Approval, "by" | "unseen">;
  const decide = async (approval: Approval, state: State, how: How = {}, also: Readonly<Record<string, unknown>> = {}) => {
    const decided: Approval = { ...approval, ...how, state, decidedAt: clock.now() };
    await store.set({ ...ended(decided), ...also });
    for (const tell of waiting.get(approval.id) ?? []) tell(decided);
    onDecided(decided);
    return decided;
  };

  /** Whose time ended while nobody waited, and what an earlier version has decided, stands among what is open until here. */
  const tidy = async (waits: readonly Approval[]) => {
    const over = waits.filter((approval) => !isOpen(approval));
    const old = [...over, ...(await listed(endedPrefix))].sort((a, b) => b.createdAt - a.createdAt);
    const gone = old.slice(mostKept).flatMap(({ id }) => [openPrefix + id, endedPrefix + id].map((key) => [key, undefined] as const));
    const changes = [...over.flatMap((approval) => Object.entries(ended(approval))), ...gone];
    if (changes.length > 0) await store.set(Object.fromEntries(changes));
  };

  return {
    /** What reads and then writes beside requests does so in the same turn. */
    inTurn,
    find,
    open,
    isOpen,
    all,

    /** The request of that call, made when it is new. Throws `APPROVAL_TOO_MANY`. */
    ask: (wish: Wish): Promise<{ readonly approval: Approval; readonly isNew: boolean }> =>
      inTurn(async () => {
        const before = await find(wish.id);
        if (before !== undefined) return { approval: before, isNew: false };
        const waits = await listed(openPrefix);
        const others = waits.filter(isOpen);
        if (others.length >= ctx.config.open) throw approvalErrors.APPROVAL_TOO_MANY(`${others.length} calls wait for an answer already`);
        const codes = new Set(others.map(({ code }) => code));
        let code = newCode();
        while (codes.has(code)) code = newCode();
        const createdAt = clock.now();
        const { timeoutMs = ctx.config.timeoutMs, ...rest } = wish;
        const approval: Approval = { ...rest, code, createdAt, expiresAt: createdAt + timeoutMs, state: "open" };
        await store.set({ [openPrefix + wish.id]: approval });
        await tidy(waits);
        return { approval, isNew: true };
      }),

    /** Resolves once it was decided or its time is over; rejects with the signal's reason when nobody waits any more. */
    async settled({ id, expiresAt }: Approval, signal: AbortSignal): Promise<Approval> {
      const told = Promise.withResolvers<Approval>();
      const onAbort = () => told.reject(signal.reason);
      const tellers = waiting.get(id) ?? new Set();
      waiting.set(id, tellers.add(told.resolve));
      signal.addEventListener("abort", onAbort, { once: true });
      const expire = () =>
        inTurn(async () => {
          const now = await find(id);
          if (now?.state === "open") await decide(now, "expired");
        }).catch(told.reject);
      // Its time is told by the clock on the wall, also when that is set while somebody waits.
      const timer = clock.after(Math.max(0, expiresAt - clock.now()), () => void expire());
      try {
        signal.throwIfAborted();
        const now = await find(id);
        if (now !== undefined && now.state !== "open") return now;
        return await told.promise;
      } finally {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", onAbort);
        tellers.delete(told.resolve);
        if (tellers.size === 0) waiting.delete(id);
      }
    },

    /**
     * `which` is an id or a code. The same answer, given again, changes nothing. Throws `APPROVAL_UNKNOWN`. `also`: kept in the same commit.
     */
    answer: (
      which: string,
      decision: ApprovalDecision,
      by: string,
      also: (approval: Approval) => Promise<Readonly<Record<string, unknown>>> = async () => ({}),
    ): Promise<{ readonly approval: Approval; readonly isNew: boolean }> =>
      inTurn(async () => {
        const code = typedCode(which);
        const isMeant = (one: Approval) => one.id === which || one.code === code;
        const found = (await open()).find(isMeant);
        if (found !== undefined) {
          const allowed = allowedOf(found);
          if (!allowed.includes(decision)) throw approvalErrors.APPROVAL_DECISION(`what asks takes ${allowed.join(", ")}, not ${decision}`);
          return { approval: await decide(found, decision, { by }, await also(found)), isNew: true };
        }
        const same = (await all()).find((one) => isMeant(one) && one.state === decision);
        if (same !== undefined) return { approval: same, isNew: false };
        throw approvalErrors.APPROVAL_UNKNOWN(
          `nothing waits for an answer under ${JSON.stringify(which.slice(0, 64))}: it was answered, or its time is over; pincer approvals list shows what waits`,
        );
      }),

    /** What asked is gone, or nobody is there to be asked. */
    withdraw: (isMeant: (approval: Approval) => boolean, how: Pick<Approval, "unseen"> = {}): Promise<void> =>
      inTurn(async () => {
        for (const approval of (await open()).filter(isMeant)) await decide(approval, "withdrawn", how);
      }),
  };
}
