/**
 * What of a conversation goes to the model, and when it has grown too large. Pure, and a function of entries that only ever grow, so that
 * the same conversation gives the same request, and providers' caches hold.
 */
import type { Entry } from "@pincer/plugin-sdk/contracts/sessions";
import type { AssistantMessage, Message, ToolResultMessage } from "@pincer/plugin-sdk/message";
import { messageTokens } from "@pincer/plugin-sdk/provider/estimate";
import type { AgentConfig } from "./config.ts";

export interface ContextItem {
  readonly id: string;
  /** Absent while the entry is on its way to the store. */
  seq?: number;
  readonly kind: "message" | "summary";
  readonly message: Message;
  readonly tokens: number;
  /** About how much memory it takes. */
  readonly bytes: number;
  /** What the provider counted when it gave this answer; only where it still says something about the items before it. */
  readonly counted?: number;
}

const attachedBytes = (message: Message): number => {
  if (typeof message.content === "string") return 0;
  return message.content.reduce((sum, block) => ("data" in block ? sum + block.data.length : sum), 0);
};

const countedBy = (message: Message): number | undefined => {
  const total = message.role === "assistant" ? message.usage?.totalTokens : undefined;
  return total !== undefined && total > 0 ? total : undefined;
};

export function contextItem(id: string, message: Message, kind: ContextItem["kind"] = "message", seq?: number): ContextItem {
  const counted = kind === "message" ? countedBy(message) : undefined;
  const tokens = messageTokens(message);
  return {
    id,
    kind,
    message,
    tokens,
    bytes: 800 + tokens * 4 + attachedBytes(message),
    ...(seq === undefined ? {} : { seq }),
    ...(counted === undefined ? {} : { counted }),
  };
}

const summaryPrefix = "summary";
/** A summary's id says from which entry on the conversation before it still goes to the model word for word. */
export const summaryId = (name: string, keptFrom: number) => `${summaryPrefix}:${keptFrom}:${name}`;
export const keptFrom = (id: string): number | undefined => {
  const seq = id.startsWith(`${summaryPrefix}:`) ? Number(id.split(":")[1]) : Number.NaN;
  return Number.isSafeInteger(seq) ? seq : undefined;
};

/** The entries of a path that the model sees. Behind a summary's own, what it left word for word comes before all later entries. */
export function itemsOf(entries: readonly Entry[]): ContextItem[] {
  const at = entries.findLastIndex((entry) => entry.kind === "summary");
  const summary = entries[at];
  const shown = entries.filter((entry, index) => {
    if (entry.kind === "note") return false;
    if (summary === undefined || index > at) return true;
    return entry === summary || (entry.kind === "message" && entry.seq >= (keptFrom(summary.id) ?? Number.POSITIVE_INFINITY));
  });
  const items = shown.map((entry) => {
    const item = contextItem(entry.id, entry.message, entry.kind === "summary" ? "summary" : "message", entry.seq);
    // What was counted before a summary speaks of a conversation that is gone: trusting it would summarise again and again.
    if (summary === undefined || entry.seq > summary.seq) return item;
    const { counted: _, ...stale } = item;
    return stale;
  });
  return summary === undefined
    ? items
    : [...items.filter(({ kind }) => kind === "summary"), ...items.filter(({ kind }) => kind !== "summary")];
}

export interface WindowLimits {
  /** Tokens of the model's context window. */
  readonly window: number;
  /** Tokens of the system prompt and the tools. */
  readonly overhead: number;
  readonly settings: Pick<AgentConfig, "reserveShare" | "reserveTokens" | "pruneShare" | "keepShare">;
}

const sum = (items: readonly ContextItem[]) => items.reduce((total, item) => total + item.tokens, 0);
const prunedTokens = 30;
const saving = (item: ContextItem) => (item.message.role === "toolResult" ? Math.max(0, item.tokens - prunedTokens) : 0);

/**
 * How many leading items have their tool results left out: none until the window is filled to `pruneShare`, then all but the newest
 * `keepShare`. Moves in steps of a tenth of the window, so that the request's beginning stays what the provider has in its cache.
 */
export function prunedItems(items: readonly ContextItem[], { window, overhead, settings }: WindowLimits): number {
  const total = overhead + sum(items);
  if (total <= settings.pruneShare * window) return 0;
  const step = Math.max(1, Math.floor(window / 10));
  const until = Math.floor((total - overhead - settings.keepShare * window) / step) * step;
  let seen = 0;
  let count = 0;
  for (const item of items) {
    seen += item.tokens;
    if (seen > until) break;
    count++;
  }
  return count;
}

const savedBy = (items: readonly ContextItem[], pruned: number) => items.slice(0, pruned).reduce((total, item) => total + saving(item), 0);

/** Tokens of the next request: what the provider counted last, and an estimate of what came since. */
export function requestTokens(items: readonly ContextItem[], limits: WindowLimits): number {
  const savedNow = savedBy(items, prunedItems(items, limits));
  const last = items.findLastIndex((item) => item.counted !== undefined);
  const counted = items[last]?.counted;
  if (counted === undefined) return limits.overhead + sum(items) - savedNow;
  const then = items.slice(0, last);
  return counted + sum(items.slice(last + 1)) - (savedNow - savedBy(then, prunedItems(then, limits)));
}

export const tokenLimit = ({ window, settings }: WindowLimits): number =>
  window - Math.min(settings.reserveTokens, Math.floor(window * settings.reserveShare));

const leftOut = ({ untrusted: _, ...message }: ToolResultMessage): ToolResultMessage => ({
  ...message,
  content: [{ type: "text", text: "[an old result, left out to save space; call the tool again if it is needed]" }],
});

/** What a summary was made of is for the gateway to know. */
function withoutMark(message: Message): Message {
  if (message.role !== "user" || message.untrusted === undefined) return message;
  const { untrusted: _, ...rest } = message;
  return rest;
}

/** The messages of the request. An answer that holds nothing says nothing to the model. */
export function requestMessages(items: readonly ContextItem[], limits: WindowLimits, render: (message: Message) => Message): Message[] {
  const pruned = prunedItems(items, limits);
  return items.flatMap((item, index) => {
    const { message } = item;
    if (message.role === "assistant" && message.content.length === 0) return [];
    const kept = index < pruned && message.role === "toolResult" && saving(item) > 0 ? leftOut(message) : message;
    return [item.kind === "summary" ? withoutMark(kept) : render(kept)];
  });
}

const callsOf = (message: AssistantMessage) => message.content.flatMap((block) => (block.type === "toolCall" ? [block.id] : []));

/**
 * Where a summary may end: the index of the first item that stays. At most the newest `keep` tokens stay, so that the next request is small
 * for certain, but always the newest exchange; a tool call is never parted from its results. 0 when nothing would be left to summarise.
 */
export function summaryEnd(items: readonly ContextItem[], keep: number): number {
  const first = items.findIndex(({ kind }) => kind !== "summary");
  // A call may have ended without a result: waiting for that one, no summary could ever end behind it.
  const answered = new Set(items.flatMap(({ message }) => (message.role === "toolResult" ? [message.toolCallId] : [])));
  const open = new Set<string>();
  const ends: number[] = [];
  items.forEach(({ message }, index) => {
    if (open.size === 0 && message.role !== "toolResult" && index > first) ends.push(index);
    if (message.role === "assistant") for (const id of callsOf(message)) if (answered.has(id)) open.add(id);
    if (message.role === "toolResult") open.delete(message.toolCallId);
  });
  let kept = 0;
  let from = items.length;
  while (from > 0 && kept + items[from - 1]!.tokens <= keep) kept += items[--from]!.tokens;
  return ends.find((end) => end >= from) ?? ends.at(-1) ?? 0;
}
