/** What earlier responses bring into a new one beside their messages: items that are named by their ids, and what was private about them. */
import { type ApiFailure, badRequest } from "./failure.ts";
import { type Before, joined, nothingBefore } from "./private.ts";
import type { InputItem, ResponsesRequest } from "./responses-request.ts";
import type { Kept, StoredResponse } from "./responses-store.ts";

/** Responses whose items one request may name. */
const mostOwners = 64;

export const beforeOf = (stored: StoredResponse | undefined): Before =>
  stored === undefined
    ? nothingBefore
    : { isPrivate: stored.isPrivate === true, told: [...new Set([...(stored.toldBefore ?? []), ...toldBy(stored)])] };

function toldBy({ response, input }: StoredResponse): readonly string[] {
  const { instructions, tools, text } = response;
  const form = (text as { readonly format?: { readonly type?: string } } | undefined)?.format;
  const instructed = input.flatMap((item) =>
    "role" in item && (item.role === "system" || item.role === "developer") ? [textOf(item.content)] : [],
  );
  return [
    ...(typeof instructions === "string" ? [instructions] : []),
    ...instructed,
    ...(Array.isArray(tools) ? tools.map((tool) => JSON.stringify(tool)) : []),
    ...(form === undefined || form.type === "text" ? [] : [JSON.stringify(form)]),
  ];
}

const textOf = (content: Extract<InputItem, { content: unknown }>["content"]): string =>
  typeof content === "string" ? content : content.map((part) => ("text" in part ? part.text : "")).join("\n");

interface Bounds {
  /** Of what is read, and of what comes of it, in characters. */
  readonly most: number;
  /** Undefined for a response that is not the caller's. */
  find(id: string): Promise<Kept | undefined>;
}

/** Items that are named by their ids are what they were. Each response is read once, and one after the other, since each may be large. */
export async function withItems(
  body: ResponsesRequest,
  { most, find }: Bounds,
): Promise<{ readonly body: ResponsesRequest; readonly before: Before }> {
  const { input } = body;
  if (typeof input === "string" || !input.some(({ type }) => type === "item_reference")) return { body, before: nothingBefore };
  const wanted = new Map<string, Set<string>>();
  for (const item of input) {
    const owner = item.type === "item_reference" ? ownerOf(item.id) : undefined;
    if (owner !== undefined) wanted.set(owner, (wanted.get(owner) ?? new Set()).add((item as { readonly id: string }).id));
  }
  if (wanted.size > mostOwners)
    throw badRequest(
      `'input' names items of ${wanted.size} responses; at most ${mostOwners} are looked up for one request.`,
      "input",
      "invalid_value",
    );
  const items = new Map<string, { readonly item: InputItem; readonly chars: number }>();
  let before = nothingBefore;
  let read = 0;
  for (const [owner, ids] of wanted) {
    const kept = await find(owner);
    if (kept === undefined) continue;
    read += kept.chars;
    if (read > most) throw tooLarge(`the responses whose items it names have more than ${most} characters`);
    for (const item of kept.stored.response.output)
      if (ids.has(item.id)) items.set(item.id, { item: item as unknown as InputItem, chars: JSON.stringify(item).length });
    before = joined(before, beforeOf(kept.stored));
  }
  let chars = 0;
  const resolved = input.map((item) => {
    const found = item.type === "item_reference" ? items.get(item.id) : undefined;
    if (found === undefined) return item;
    chars += found.chars;
    if (chars > most) throw tooLarge(`the items that it names have more than ${most} characters`);
    return found.item;
  });
  return { body: { ...body, input: resolved }, before };
}

const ownerOf = (item: string): string | undefined => {
  const [, owner] = /^[a-z]+_(.+)_\d+$/.exec(item) ?? [];
  return owner === undefined ? undefined : `resp_${owner}`;
};

const tooLarge = (why: string): ApiFailure => badRequest(`'input' is too large: ${why}.`, "input", "input_too_large");
