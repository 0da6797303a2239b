/** Makes a conversation acceptable to vendors that refuse a tool call without its result, or a result without its call. */
import type { AssistantMessage, Message, ToolResultMessage } from "../message.ts";

const missing = (call: { readonly id: string; readonly name: string }, timestamp: number): ToolResultMessage => ({
  role: "toolResult",
  toolCallId: call.id,
  toolName: call.name,
  content: [{ type: "text", text: "No result: the call was interrupted before it finished." }],
  isError: true,
  timestamp,
});

/**
 * Results directly behind their calls, in the calls' order; a call that has none is told so; a result without a call is left out. An id
 * that a vendor uses again in a later turn takes the next result under it.
 */
export function pairToolCalls(messages: readonly Message[]): readonly Message[] {
  const results = new Map<string, ToolResultMessage[]>();
  for (const message of messages) {
    if (message.role !== "toolResult") continue;
    const under = results.get(message.toolCallId);
    if (under) under.push(message);
    else results.set(message.toolCallId, [message]);
  }
  return messages.flatMap((message): readonly Message[] => {
    if (message.role === "toolResult") return [];
    if (message.role !== "assistant") return [message];
    if (message.content.length === 0) return [];
    const calls = message.content.filter((block) => block.type === "toolCall");
    return [message, ...calls.map((call) => results.get(call.id)?.shift() ?? missing(call, message.timestamp))];
  });
}

/** Whether a message came from this very model over this very way of speaking, so that its signatures may be given back. */
export const isOwnMessage = (message: AssistantMessage, to: { readonly provider: string; readonly model: string; readonly api: string }) =>
  message.provider === to.provider && message.model === to.model && message.api === to.api;

/** Vendors take ids of `[a-zA-Z0-9_-]{1,64}`; an id of another vendor may look otherwise. The same id always gives the same one. */
export const vendorCallId = (id: string): string =>
  /^[a-zA-Z0-9_-]{1,64}$/.test(id) ? id : `call_${Bun.hash(id).toString(36)}_${id.replace(/[^a-zA-Z0-9_-]/g, "_").slice(-40)}`;
