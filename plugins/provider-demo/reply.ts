/** The demo's answer to a request: what it says, and which tools it calls. The same request always gives the same answer. */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Message, ToolCallBlock, UserMessage } from "@pincer/plugin-sdk/message";
import { type Move, nextMove, type Surroundings, type ToolResult } from "./errands.ts";
import { spokenText, understand } from "./understand.ts";
import { LABEL, UNKNOWN } from "./words.ts";

interface Reply {
  readonly text: string;
  readonly calls: readonly ToolCallBlock[];
}

const isFinal = (message: Message): message is AssistantMessage =>
  message.role === "assistant" && !message.content.some(({ type }) => type === "toolCall");

/** Text that an earlier attempt at this answer has already sent, and that this one goes on behind. */
export function unfinishedText({ messages }: Pick<ModelRequest, "messages">): string {
  const last = messages.at(-1);
  return last && isFinal(last) ? textOf(last.content) : "";
}

export function replyTo(request: ModelRequest, around: Omit<Surroundings, "tools">): Reply {
  const all = unfinishedText(request) === "" ? request.messages : request.messages.slice(0, -1);
  const summary = summaryOf(all.at(-1));
  if (summary !== undefined) return { text: summary, calls: [] };

  const begin = all.findLastIndex(isFinal) + 1;
  const turn = all.slice(begin);
  const asked = turn.filter((message) => message.role === "user").map(({ content }) => spoken(content));
  const number = all.filter(({ role }) => role === "user").length - asked.length;
  const moves = asked.flatMap((text, at) => {
    const intents = understand(text);
    if (intents.length === 0) return [{ id: "", move: { say: UNKNOWN(short(text)) } as Move }];
    return intents.map((intent, part) => {
      const prefix = `demo_${number}_${at}_${part}_`;
      const results = resultsOf(turn, prefix);
      return { id: `${prefix}${results.length}`, move: nextMove(intent, results, { ...around, tools: request.tools }) };
    });
  });

  const calls = moves.flatMap(({ id, move }) => ("call" in move ? [{ type: "toolCall" as const, id, ...move.call }] : []));
  const begun = turn.some(({ role }) => role === "assistant");
  const said = moves.flatMap(({ move }) => ("say" in move ? (calls.length > 0 ? [] : [move.say]) : [move.saying]));
  // What was asked twice, because it was not answered before, is answered once.
  const once = [...new Set(said)].filter((text) => text !== "");
  const label = all.some(({ role }) => role === "assistant") || begun ? [] : [LABEL];
  return { text: [...label, ...(calls.length > 0 ? [once.join(" ")] : once)].filter((text) => text !== "").join("\n\n"), calls };
}

function resultsOf(turn: readonly Message[], prefix: string): readonly ToolResult[] {
  return turn.flatMap((message) =>
    message.role === "toolResult" && message.toolCallId.startsWith(prefix)
      ? [{ text: textOf(message.content), failed: message.isError }]
      : [],
  );
}

const textOf = (content: UserMessage["content"] | AssistantMessage["content"]): string =>
  typeof content === "string" ? content : content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");

/** A message's own words; with an image there is nothing that rules could see. */
const spoken = (content: UserMessage["content"]): string => spokenText(textOf(content));

const short = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 79)}…`).replace(/\s+/g, " ");

/** An agent that shortens a conversation asks for a summary: what the user said is the part that can be told without a model. */
function summaryOf(message: Message | undefined): string | undefined {
  if (message?.role !== "user") return undefined;
  const conversation = /<conversation>\n([\s\S]*)\n<\/conversation>/.exec(textOf(message.content))?.[1];
  if (conversation === undefined) return undefined;
  const lines = conversation.split("\n").flatMap((line) => /^(?!Assistant\b)[^:(]+ \([^)]*\): (.+)$/.exec(line)?.[1] ?? []);
  const kept = lines.slice(-40).map((line) => `- ${short(line)}`);
  return `The user said:\n${kept.join("\n") || "- nothing that is left"}`;
}
