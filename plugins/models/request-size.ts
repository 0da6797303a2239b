/** About how many tokens a request has, before anybody who knows has counted them: what a call may cost is decided on before it is made. */
import type { ModelRequest, ToolSpec } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";

const charsPerToken = 3.6;
const messageTokens = 6;
const imageTokens = 1_600;
/** A page has about 2,500 tokens and some 60 kB. */
const documentTokens = (bytes: number): number => Math.max(2_500, Math.ceil(bytes / 24));

export const tokensOf = (chars: number): number => Math.ceil(chars / charsPerToken);

/** A tool is described alike in every request of a conversation. */
const tools = new WeakMap<ToolSpec, number>();
const toolChars = (tool: ToolSpec): number => {
  const known = tools.get(tool);
  if (known !== undefined) return known;
  const chars = JSON.stringify(tool).length;
  tools.set(tool, chars);
  return chars;
};

export function requestTokens({ system, messages, tools }: Pick<ModelRequest, "system" | "messages" | "tools">): number {
  let [chars, others] = [0, 0];
  const add = ({ content }: Message) => {
    if (typeof content === "string") chars += content.length;
    else
      for (const block of content) {
        if (block.type === "text") chars += block.text.length;
        else if (block.type === "thinking") chars += block.thinking.length;
        else if (block.type === "image") others += imageTokens;
        else if (block.type === "document") others += documentTokens(block.data.length * 0.75);
        else chars += JSON.stringify(block.arguments).length;
      }
  };
  for (const { text } of system) chars += text.length;
  for (const message of messages) add(message);
  for (const tool of tools) chars += toolChars(tool);
  return tokensOf(chars) + messages.length * messageTokens + others;
}
