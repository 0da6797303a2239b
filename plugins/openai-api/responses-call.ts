/** A request of the Responses API as a call of a provider's model, or a turn of an agent. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { ResponseFormat, ToolChoice } from "@pincer/plugin-sdk/contracts/provider";
import { refuseOfAgent } from "./agent-refusals.ts";
import { agentTurn, sessionFor } from "./agent-turn.ts";
import { targetOrAuto, withModel } from "./auto.ts";
import type { Caller } from "./caller.ts";
import { cacheKeyOf, schemaFormat, settings, thinkingOf, toolSpec } from "./chat-call.ts";
import { asked, type Conversation, modelMessages, type Turn } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { badRequest } from "./failure.ts";
import { type Before, withPrivacy } from "./private.ts";
import { fetchImages } from "./remote-images.ts";
import { conversationOfInput, imagesNamedIn } from "./responses-input.ts";
import type { ResponsesRequest } from "./responses-request.ts";
import type { Run, StoredResponse } from "./responses-store.ts";
import { header, targetOf } from "./target.ts";

interface Asking {
  readonly id: string;
  readonly headers: Headers;
  readonly caller: Caller;
  readonly previous: StoredResponse | undefined;
  readonly before: Before;
  readonly signal: AbortSignal;
}

interface Asked {
  readonly run: Run;
  /** For the response that is kept of it. */
  readonly isPrivate: boolean;
}

export async function runOf(desk: Desk, body: ResponsesRequest, asking: Asking): Promise<Asked> {
  const { ctx } = desk;
  const { id, headers, caller, previous, before, signal } = asking;
  const conversation = conversationOfInput(body, await fetchImages(ctx, imagesNamedIn(body.input), signal));
  const target = await targetOrAuto(ctx, body.model, targetOf(body.model, headers), signal);
  if (target.kind === "model") {
    if (previous?.sessionKey !== undefined) {
      const message = `The response '${previous.response.id}' is an agent's; go on with that agent, or send the conversation as 'input'.`;
      throw badRequest(message, "previous_response_id", "invalid_value");
    }
    const context = { now: ctx.clock.now(), fileChars: ctx.config.fileChars, before: previous?.messages ?? [] };
    const call = { ...callOf(body, conversation, context), user: caller.account(body.user) };
    const chosen = await withModel(ctx, call, signal, before);
    return { run: { kind: "model", call: chosen.call }, isPrivate: chosen.isPrivate };
  }
  refuseOfAgent({
    tools: body.tools,
    toolChoice: body.tool_choice,
    format: { param: "text.format", type: body.text?.format?.type },
    logprobs: { param: "top_logprobs", wanted: (body.top_logprobs ?? 0) > 0 },
  });
  const { id: agentId } = await ctx.uses.router.agent(target.agentId === undefined ? {} : { agentId: target.agentId }, { signal });
  const model = header(headers, "model");
  if (model !== undefined) caller.require("operator.admin");
  const goesOn = previous?.sessionKey;
  if (goesOn !== undefined && !goesOn.startsWith(`agent:${agentId}:`))
    throw badRequest(
      `The response '${previous?.response.id}' is another agent's than '${agentId}'.`,
      "previous_response_id",
      "invalid_value",
    );
  const place = goesOn === undefined ? sessionFor(agentId, caller, body.user, headers) : { sessionKey: goesOn, isFresh: false };
  const effort = body.reasoning?.effort;
  const asked = agentTurn(previous && goesOn === undefined ? behind(previous, conversation) : conversation, {
    ...place,
    runId: id,
    agentId,
    user: caller.account(body.user),
    param: "input",
    model,
    thinking: effort ? thinkingOf(effort) : undefined,
  });
  const turn = await withPrivacy(ctx, asked, before, signal);
  return { run: { kind: "agent", turn }, isPrivate: turn.isPrivate === true };
}

/** An agent that takes up what a model had said. */
function behind({ messages }: StoredResponse, { system, turns }: Conversation): Conversation {
  const before = messages.flatMap((message): Turn[] => {
    if (message.role === "toolResult") return [];
    if (message.role === "assistant") return [{ role: "assistant", content: message.content }];
    const { content } = message;
    const text =
      typeof content === "string" ? content : content.map((block) => (block.type === "text" ? block.text : "[an image]")).join("\n");
    return [{ role: "user", parts: [{ type: "text", text }] }];
  });
  return { system, turns: [...before, ...turns] };
}

function callOf(body: ResponsesRequest, conversation: Conversation, context: Parameters<typeof modelMessages>[1]): LlmRequest {
  const { system, turns } = context.before?.length ? conversation : asked(conversation);
  const { reasoning, tool_choice: choice, text, top_logprobs, include } = body;
  const logprobs = include?.includes("message.output_text.logprobs") === true || (top_logprobs ?? 0) > 0;
  return {
    model: body.model,
    system: system.map((one) => ({ text: one })),
    messages: modelMessages(turns, context),
    tools: (body.tools ?? []).map(toolSpec),
    ...(body.stream === true || body.background === true ? {} : { whole: true }),
    ...settings({
      toolChoice: (typeof choice === "object" && choice !== null ? { name: choice.name } : choice) as ToolChoice | null | undefined,
      parallelTools: body.parallel_tool_calls,
      thinking: reasoning?.effort ? thinkingOf(reasoning.effort) : undefined,
      responseFormat: formatOf(text?.format),
      maxOutputTokens: body.max_output_tokens,
      temperature: body.temperature,
      topP: body.top_p,
      logprobs: logprobs ? (top_logprobs ?? 0) : undefined,
      cacheKey: cacheKeyOf(body.prompt_cache_key, body.safety_identifier ?? body.user),
    }),
  };
}

function formatOf(format: NonNullable<ResponsesRequest["text"]>["format"]): ResponseFormat | undefined {
  if (!format || format.type === "text") return undefined;
  return "schema" in format ? schemaFormat(format) : { type: "json" };
}
