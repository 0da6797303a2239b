/** What a conversation looks like: history, what is running, and what was sent but not yet confirmed, folded into one list to show. */

export interface Block {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: unknown;
  readonly data?: string;
  readonly mimeType?: string;
}

export interface WireMessage {
  readonly role: string;
  readonly content: string | readonly Block[];
  readonly timestamp?: number;
  readonly idempotencyKey?: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly isError?: boolean;
  readonly stopReason?: string;
  readonly errorMessage?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly __openclaw?: { readonly id?: string; readonly seq?: number; readonly runId?: string; readonly kind?: string };
}

export interface ToolView {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
  readonly state: "running" | "done" | "failed";
  readonly output: string;
}

type Part =
  | { readonly type: "text"; readonly id: string; readonly text: string }
  | { readonly type: "tool"; readonly id: string; readonly tool: ToolView };

export interface Run {
  readonly runId: string;
  readonly parts: readonly Part[];
  readonly phase: string;
}

export interface Sent {
  readonly runId: string;
  readonly text: string;
  readonly images: readonly { readonly data: string; readonly mimeType: string }[];
  readonly state: "sending" | "accepted" | "failed";
  readonly error?: string;
}

export type Item =
  | {
      readonly kind: "user";
      readonly key: string;
      readonly text: string;
      readonly images: readonly Block[];
      readonly sent?: Sent;
      readonly at?: number;
    }
  | {
      readonly kind: "text";
      readonly key: string;
      readonly text: string;
      readonly live: boolean;
      readonly at?: number;
      readonly model?: string;
    }
  | { readonly kind: "tool"; readonly key: string; readonly tool: ToolView }
  /** A question that was asked of the owner, which is answered elsewhere. */
  | { readonly kind: "asked"; readonly key: string; readonly text: string }
  | { readonly kind: "note"; readonly key: string; readonly text: string; readonly tone: "plain" | "error" }
  | { readonly kind: "working"; readonly key: string; readonly phase: string };

const textOf = (content: WireMessage["content"]): string =>
  typeof content === "string"
    ? content
    : content
        .filter((block) => block.type === "text")
        .map((block) => block.text ?? "")
        .join("\n");

/** Whether the transcript holds what a run is saying: its message is written before the tools run that it asks for. */
export const isWritten = (messages: readonly WireMessage[], runId: string, text: string): boolean =>
  messages.some(({ role, content, __openclaw }) => role === "assistant" && __openclaw?.runId === runId && textOf(content).includes(text));

const imagesOf = (content: WireMessage["content"]) =>
  typeof content === "string" ? [] : content.filter((block) => block.type === "image");

/** A message of the transcript becomes one item, or several when the assistant wrote between tool calls. */
function itemsOf(message: WireMessage, results: ReadonlyMap<string, WireMessage>, key: string): Item[] {
  const at = message.timestamp;
  if (message.__openclaw?.kind === "note" && message.__openclaw.id?.startsWith("approvals:") === true)
    return [{ kind: "asked", key, text: textOf(message.content) }];
  if (message.__openclaw?.kind === "note") return [{ kind: "note", key, text: textOf(message.content), tone: "plain" }];
  if (message.__openclaw?.kind === "summary")
    return [{ kind: "note", key, text: "Earlier messages were summed up to make room.", tone: "plain" }];
  if (message.role === "user")
    return [{ kind: "user", key, text: textOf(message.content), images: imagesOf(message.content), ...(at === undefined ? {} : { at }) }];
  if (message.role !== "assistant") return [];
  const items: Item[] = [];
  const blocks: readonly Block[] = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
  for (const [index, block] of blocks.entries()) {
    if (block.type === "text" && (block.text ?? "").trim() !== "") {
      const model = message.model === undefined ? {} : { model: message.model };
      items.push({
        kind: "text",
        key: `${key}.${index}`,
        text: block.text ?? "",
        live: false,
        ...model,
        ...(at === undefined ? {} : { at }),
      });
    } else if (block.type === "toolCall") {
      const result = results.get(block.id ?? "");
      const state = result === undefined ? "running" : result.isError === true ? "failed" : "done";
      const tool: ToolView = {
        id: block.id ?? key,
        name: block.name ?? "tool",
        args: block.arguments,
        state,
        output: result === undefined ? "" : textOf(result.content),
      };
      items.push({ kind: "tool", key: `tool:${tool.id}`, tool });
    }
  }
  if (message.stopReason === "aborted") items.push({ kind: "note", key: `${key}.aborted`, text: "Stopped.", tone: "plain" });
  if (message.stopReason === "error")
    items.push({ kind: "note", key: `${key}.error`, text: message.errorMessage ?? "The model did not answer.", tone: "error" });
  return items;
}

/** What stands below everything else. */
interface Tail {
  readonly error: string | undefined;
  readonly stopped: boolean;
}

export function fold(history: readonly WireMessage[], runs: readonly Run[], sent: readonly Sent[], tail: Tail): Item[] {
  const results = new Map<string, WireMessage>();
  const known = new Set<string>();
  for (const message of history) {
    if (message.role === "toolResult" && message.toolCallId !== undefined) results.set(message.toolCallId, message);
    if (message.idempotencyKey !== undefined) known.add(message.idempotencyKey);
  }
  const items = history.flatMap((message, index) => itemsOf(message, results, message.__openclaw?.id ?? `h${index}`));
  for (const entry of sent) {
    if (known.has(`${entry.runId}:user`)) continue;
    const images = entry.images.map((image) => ({ type: "image", ...image }));
    items.push({ kind: "user", key: `sent:${entry.runId}`, text: entry.text, images, sent: entry });
  }
  const shown = new Set(items.map((item) => item.key));
  for (const run of runs) {
    for (const part of run.parts) {
      if (part.type === "tool" && !shown.has(`tool:${part.id}`)) items.push({ kind: "tool", key: `tool:${part.id}`, tool: part.tool });
      if (part.type === "text" && part.text.trim() !== "")
        items.push({ kind: "text", key: `${run.runId}:${part.id}`, text: part.text, live: true });
    }
    const last = run.parts.at(-1);
    if (last?.type !== "text")
      items.push({
        kind: "working",
        key: `${run.runId}:working`,
        phase: last?.type === "tool" && last.tool.state === "running" ? last.tool.name : run.phase,
      });
  }
  if (tail.stopped) items.push({ kind: "note", key: "stopped", text: "Stopped.", tone: "plain" });
  if (tail.error !== undefined) items.push({ kind: "note", key: "error", text: tail.error, tone: "error" });
  return items;
}

const withPart = (run: Run, id: string, change: (part: Part | undefined) => Part): Run => {
  const found = run.parts.some((part) => part.id === id);
  return { ...run, parts: found ? run.parts.map((part) => (part.id === id ? change(part) : part)) : [...run.parts, change(undefined)] };
};

const resultText = (data: Readonly<Record<string, unknown>>, key: string): string => {
  const value = data[key];
  if (typeof value === "string") return value;
  const content = (value as { content?: WireMessage["content"] } | undefined)?.content;
  return content === undefined ? "" : textOf(content);
};

/** Applies one `agent` event. */
export function advance(run: Run, stream: string, data: Readonly<Record<string, unknown>>): Run {
  if (stream === "assistant") {
    const id = String(data["itemId"] ?? "text");
    return withPart(run, id, () => ({ type: "text", id, text: String(data["text"] ?? "") }));
  }
  if (stream === "run_status") return { ...run, phase: String(data["phase"] ?? run.phase) };
  if (stream !== "tool") return run;
  const id = String(data["toolCallId"] ?? "");
  return withPart(run, id, (part) => {
    const before: ToolView =
      part?.type === "tool" ? part.tool : { id, name: String(data["name"] ?? "tool"), args: undefined, state: "running", output: "" };
    if (data["phase"] === "start") return { type: "tool", id, tool: { ...before, args: data["args"] } };
    if (data["phase"] === "update") return { type: "tool", id, tool: { ...before, output: resultText(data, "partialResult") } };
    return {
      type: "tool",
      id,
      tool: { ...before, state: data["isError"] === true ? "failed" : "done", output: resultText(data, "result") },
    };
  });
}
