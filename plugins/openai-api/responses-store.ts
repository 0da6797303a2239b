/** Responses that are kept, so that a conversation goes on by the id of its last answer. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Message } from "@pincer/plugin-sdk/message";
import type { AgentTurn } from "./agent-turn.ts";
import type { InputItem } from "./responses-request.ts";
import type { ResponseObject } from "./responses-shape.ts";
import type { ApiContext } from "./uses.ts";

/** What is asked of whom. */
export type Run = { readonly kind: "model"; readonly call: LlmRequest } | { readonly kind: "agent"; readonly turn: AgentTurn };

export interface StoredResponse {
  /** Who asked: nobody else is given it. */
  readonly principal: string;
  readonly response: ResponseObject;
  readonly input: readonly (InputItem & { readonly id: string })[];
  /** The conversation with its last answer; of an agent's, the session holds it. */
  readonly messages: readonly Message[];
  readonly sessionKey?: string;
  /** Of a response in the background, until it is there. */
  readonly run?: Run;
  /** Whether the model's proof of its thinking is handed out. */
  readonly sealed: boolean;
  /** Something of it, or of what it goes on from, may be asked of local models alone. */
  readonly isPrivate?: boolean;
  /** What the responses that it goes on from were told beside their messages. */
  readonly toldBefore?: readonly string[];
}

/** With its size as it lies there. */
export interface Kept {
  readonly stored: StoredResponse;
  readonly chars: number;
}

/** Whose a response is, and how large; the text alone is an id, as it was kept before anybody asked for that. */
type Entry = string | { readonly id: string; readonly principal: string; readonly chars: number };

/** A value of the store holds a megabyte; a character takes at most four bytes, or six where it is escaped. */
const pieceChars = 150_000;
const DAY_MS = 86_400_000;
const digits = (number: number, width: number) => String(number).padStart(width, "0");

export interface ResponseStore {
  /** Undefined for what is another's. */
  get(id: string, principal: string): Promise<Kept | undefined>;
  /** Whoever's it is. */
  find(id: string): Promise<Kept | undefined>;
  /** False when it is too large to be kept. */
  put(stored: StoredResponse): Promise<boolean>;
  remove(stored: StoredResponse): Promise<void>;
}

/** What may be kept between two looks at what is too old or too much. */
const unswept = { count: 500, chars: 64_000_000 };

/** What is too old goes, and where there is too much the oldest of whoever keeps most. */
export function createResponseStore(ctx: Pick<ApiContext, "store" | "config" | "clock" | "log">): ResponseStore {
  const { store } = ctx;
  const since = { day: 0, count: 0, chars: 0 };
  const piecesOf = (id: string) => store.list<string>(`response/${id}/`);
  const made = ({ id, created_at }: ResponseObject) => `made/${digits(created_at, 12)}/${id}`;
  const gone = async (id: string, key: string) => ({
    [key]: undefined,
    ...Object.fromEntries((await piecesOf(id)).map((piece) => [piece.key, undefined])),
  });

  const sweep = async (now: number) => {
    const { responseDays, mostResponses, mostResponsesEach, keptBytes, keptBytesEach } = ctx.config;
    const found = (await store.list<Entry>("made/")).toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const oldest = `made/${digits(Math.floor((now - responseDays * DAY_MS) / 1000), 12)}`;
    const isOld = ({ key }: { readonly key: string }) => key < oldest;
    const left = found.filter((one) => !isOld(one)).map(({ key, value }) => ({ key, ...partsOf(value) }));
    const tooMany = surplus(left, { count: mostResponsesEach, chars: keptBytesEach }, { count: mostResponses, chars: keptBytes });
    const old = found.filter(isOld).map(({ key, value }) => ({ key, id: partsOf(value).id }));
    const all = [...old, ...tooMany];
    for (const { key, id } of all) await store.set(await gone(id, key));
    if (all.length > 0) ctx.log.info("responses.swept", { gone: all.length });
  };

  /** Nobody waits for it. */
  const sweepInTime = (chars: number) => {
    const now = ctx.clock.now();
    const today = Math.floor(now / DAY_MS);
    since.count++;
    since.chars += chars;
    if (since.day === today && since.count <= unswept.count && since.chars <= unswept.chars) return;
    Object.assign(since, { day: today, count: 0, chars: 0 });
    sweep(now).catch((error: unknown) => ctx.log.warn("responses.not-swept", { error: errorMessage(error) }));
  };

  const find = async (id: string): Promise<Kept | undefined> => {
    if (!/^resp_[\w-]{1,64}$/.test(id)) return undefined;
    const pieces = await piecesOf(id);
    if (pieces.length === 0) return undefined;
    const ordered = pieces.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const text = ordered.map(({ value }) => value).join("");
    return { stored: JSON.parse(text) as StoredResponse, chars: text.length };
  };

  return {
    find,

    async get(id, principal) {
      const kept = await find(id);
      return kept?.stored.principal === principal ? kept : undefined;
    },

    async put(stored) {
      const text = JSON.stringify(stored);
      if (text.length > ctx.config.responseBytes) return false;
      const { id } = stored.response;
      const before = stored.response.background ? await piecesOf(id) : [];
      const changes: Record<string, unknown> = Object.fromEntries(before.map(({ key }) => [key, undefined]));
      for (let at = 0; at * pieceChars < text.length; at++)
        changes[`response/${id}/${digits(at, 5)}`] = text.slice(at * pieceChars, (at + 1) * pieceChars);
      changes[made(stored.response)] = { id, principal: stored.principal, chars: text.length } satisfies Entry;
      await store.set(changes);
      sweepInTime(text.length);
      return true;
    },

    async remove({ response }) {
      await store.set(await gone(response.id, made(response)));
    },
  };
}

interface Share {
  readonly entries: readonly { readonly key: string; readonly id: string; readonly principal: string; readonly chars: number }[];
  /** So many of the oldest go. */
  gone: number;
  chars: number;
}
interface Bound {
  readonly count: number;
  readonly chars: number;
}

const partsOf = (entry: Entry) => (typeof entry === "string" ? { id: entry, principal: "", chars: 0 } : entry);

/** Of entries from the oldest to the newest, those that go: of each who has too much, and while all have too much of whoever has most. */
function surplus(entries: Share["entries"], each: Bound, all: Bound): Share["entries"] {
  const shares = [...Map.groupBy(entries, ({ principal }) => principal).values()].map(
    (own): Share => ({ entries: own, gone: 0, chars: own.reduce((sum, { chars }) => sum + chars, 0) }),
  );
  const countOf = ({ entries, gone }: Share) => entries.length - gone;
  const drop = (share: Share) => {
    share.chars -= share.entries[share.gone]?.chars ?? 0;
    share.gone++;
  };
  // Whose those of before are nobody wrote down.
  for (const share of shares)
    if (share.entries[0]?.principal !== "") while (countOf(share) > each.count || share.chars > each.chars) drop(share);
  for (const of of [countOf, ({ chars }: Share) => chars]) {
    const bound = of === countOf ? all.count : all.chars;
    const most = () => shares.reduce((a, b) => (of(b) > of(a) ? b : a));
    for (let sum = shares.reduce((total, share) => total + of(share), 0); sum > bound; ) {
      const share = most();
      const before = of(share);
      drop(share);
      sum += of(share) - before;
    }
  }
  return shares.flatMap(({ entries, gone }) => entries.slice(0, gone));
}
