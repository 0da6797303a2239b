/**
 * Who asked to be let in, senders and groups, and what the owner said. Of what they wrote nothing is kept. What reads, decides and writes here
 * is called in turn (`createQueue`).
 */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { Admission } from "@pincer/plugin-sdk/job";
import { newCode } from "@pincer/plugin-sdk/typed-code";
import type { PairingConfig } from "./config.ts";

export type Kind = "sender" | "group";

/** Which sender, or which group, of which account. */
export interface Who {
  readonly kind: Kind;
  readonly channel: string;
  readonly account: string;
  readonly id: string;
}

export interface Applicant extends Who {
  readonly requestId: string;
  readonly code: string;
  readonly state: "asked" | "approved" | "rejected";
  /** As the platform says: anybody may call themselves anything. */
  readonly name?: string;
  /** Where it asked. */
  readonly address: Address;
  /** The message that the code answers. */
  readonly eventId: string;
  /** Messages behind it that were not answered, so that none of them is when the platform gives it out again later. */
  readonly refused: readonly string[];
  /** Whether somebody was known as the owner when it asked. */
  readonly ownerKnown: boolean;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  /** Null: asks until it is answered. */
  readonly expiresAt: number | null;
  readonly decidedAt?: number;
  /** Who decided. */
  readonly by?: string;
}

export type Asking = Who & Pick<Applicant, "address" | "eventId" | "ownerKnown"> & { readonly name?: string };

/** `full`: others wait, or too many codes were given out, and this one is not told anything. */
export type Asked = { readonly applicant: Applicant; readonly isNew: boolean } | "full";

const hourMs = 3_600_000;
/** Messages that are remembered of one who is not let in. */
const mostRefused = 64;
/** Groups that may wait for an answer in an account; the oldest makes room. */
const mostGroups = 20;
export const longestId = 256;

const prefixOf = ({ kind, channel, account }: Omit<Who, "id">) => `${kind}/${JSON.stringify([channel, account]).slice(0, -1)},`;
/** No part can pass for another's end, whatever a platform has in its ids. */
const keyOf = (who: Who): string => `${prefixOf(who)}${JSON.stringify(who.id)}]`;

type Changes = Readonly<Record<string, unknown>>;
export type Applicants = ReturnType<typeof createApplicants>;

interface Parts {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly config: () => PairingConfig;
  /** Writes the values, none of them undefined, in one commit with the admissions. */
  readonly commit: (values: Changes, admissions: readonly Admission[]) => Promise<void>;
}

export function createApplicants({ store, clock, config, commit }: Parts) {
  const find = (who: Who) => store.get<Applicant>(keyOf(who));
  const listed = async (prefix: string) => (await store.list<Applicant>(prefix)).map(({ value }) => value);
  const isOpen = ({ state, expiresAt }: Applicant) => state === "asked" && (expiresAt ?? Infinity) > clock.now();

  /** Those that were not let in and have nothing to wait for any more. */
  const overdue = (others: readonly Applicant[]): readonly Applicant[] => {
    const isOver = ({ state, expiresAt }: Applicant) => state !== "approved" && (expiresAt ?? Infinity) <= clock.now() - hourMs;
    const waiting = others.filter(({ kind, state }) => kind === "group" && state === "asked").sort((a, b) => b.createdAt - a.createdAt);
    return [...others.filter(isOver), ...waiting.slice(mostGroups - 1)];
  };

  return {
    find,
    isOpen,

    async all(): Promise<readonly Applicant[]> {
      const found = [...(await listed("sender/")), ...(await listed("group/"))];
      return found.sort((a, b) => a.createdAt - b.createdAt);
    },

    /** Whether this message was refused before the applicant was let in. */
    wasRefused: ({ eventId, refused }: Applicant, event: string): boolean => eventId === event || refused.includes(event),

    /**
     * One who asks again is told nothing more, until its code has run out.
     * @param tell what goes out when the request is new, in the commit that keeps it.
     */
    async ask(asking: Asking, tell: (applicant: Applicant) => Promise<readonly Admission[]>): Promise<Asked> {
      const { kind, eventId } = asking;
      const now = clock.now();
      const known = await find(asking);
      if (known?.eventId === eventId) return { applicant: known, isNew: false };
      if (known?.state === "approved") return { applicant: known, isNew: false };
      if (known !== undefined && (known.expiresAt ?? Infinity) > now) {
        if (known.refused.includes(eventId) || known.refused.length >= mostRefused) return { applicant: known, isNew: false };
        const seen: Applicant = { ...known, lastSeenAt: now, refused: [...known.refused, eventId] };
        await store.set({ [keyOf(known)]: seen });
        return { applicant: seen, isNew: false };
      }
      const others = (await listed(prefixOf(asking))).filter(({ id }) => id !== asking.id);
      const { openPerAccount, codesPerHour } = config();
      const recent = others.filter(({ createdAt }) => createdAt > now - hourMs);
      // Anybody can put a bot into groups without end, and the owner is told of each. One that made room is old enough to count no more.
      if (recent.length >= (kind === "group" ? Math.min(codesPerHour, mostGroups - 1) : codesPerHour)) return "full";
      if (kind === "sender" && others.filter(isOpen).length >= openPerAccount) return "full";
      const applicant: Applicant = {
        ...asking,
        ...{ requestId: crypto.randomUUID(), code: newCode(), state: "asked", refused: [], createdAt: now, lastSeenAt: now },
        expiresAt: kind === "group" ? null : now + config().codeTtlMs,
      };
      const leaving = overdue(others);
      if (leaving.length > 0) await store.set(Object.fromEntries(leaving.map((other) => [keyOf(other), undefined])));
      await commit({ [keyOf(applicant)]: applicant }, await tell(applicant));
      return { applicant, isNew: true };
    },

    /** Keeps what was decided, and with it `also`, in one commit with what is sent. */
    async decide(applicant: Applicant, state: "approved" | "rejected", by: string, sent: readonly Admission[], also: Changes) {
      const decided: Applicant = { ...applicant, state, by, decidedAt: clock.now() };
      await commit({ ...also, [keyOf(applicant)]: decided }, sent);
      return decided;
    },

    forget: (who: Who) => store.set({ [keyOf(who)]: undefined }),
  };
}
