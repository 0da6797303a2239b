/** Chat Completions as far as it is written and read here: OpenAI's own words, and those that other servers have added to them. */

/** A place up to which the vendor may keep the prompt for the next request. */
export interface CacheMark {
  cache_control?: { type: "ephemeral" };
}
export type ChatPart =
  | ({ type: "text"; text: string } & CacheMark)
  | ({ type: "image_url"; image_url: { url: string } } & CacheMark)
  | ({ type: "file"; file: { filename: string; file_data: string } } & CacheMark);

interface ChatCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export type ChatMessage =
  | { role: "system"; content: string | Extract<ChatPart, { type: "text" }>[] }
  | { role: "user"; content: string | ChatPart[] }
  | { role: "assistant"; content: string | null; tool_calls?: ChatCall[] }
  | { role: "tool"; tool_call_id: string; content: string | Extract<ChatPart, { type: "text" }>[] };

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number | null; readonly cache_write_tokens?: number | null } | null;
  /** US dollars, of servers that say what they charge. */
  readonly cost?: number | null;
}

/** A call's beginning, or a further piece of its arguments. */
export interface ChatCallDelta {
  readonly index?: number;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | null } | null;
}

export interface ChatDelta {
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly ChatCallDelta[] | null;
  /** The thinking of models, which servers tell under any of these names; the proof of it; and a router's own records of it. */
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  readonly reasoning_text?: string | null;
  readonly reasoning_opaque?: string | null;
  readonly reasoning_details?: readonly unknown[] | null;
}

interface Ending {
  readonly finish_reason?: string | null;
  /** Why it ended with `error`, of servers that say so here. */
  readonly error?: { readonly code?: string | number | null; readonly message?: unknown } | null;
  readonly logprobs?: { readonly content?: unknown } | null;
}
export type ChatChoice = Ending & { readonly delta?: ChatDelta | null };
type WholeChatChoice = Ending & { readonly message?: ChatDelta | null };

export interface ChatChunk {
  readonly choices?: readonly ChatChoice[] | null;
  readonly usage?: ChatUsage | null;
}
export interface WholeChat {
  readonly choices?: readonly WholeChatChoice[] | null;
  readonly usage?: ChatUsage | null;
}
