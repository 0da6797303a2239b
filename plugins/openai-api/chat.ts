/** `POST /v1/chat/completions`. */
import type { ModelAnswer, TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import { type LinkedSignal, linkSignals } from "@pincer/plugin-sdk/signal";
import { refuseOfAgent } from "./agent-refusals.ts";
import { type AgentTurn, agentTurn, sessionFor } from "./agent-turn.ts";
import { readJson } from "./body.ts";
import { chatCall, thinkingOf } from "./chat-call.ts";
import { ChatChunks } from "./chat-chunks.ts";
import { conversationOf } from "./chat-messages.ts";
import { type ChatRequest, readChatRequest } from "./chat-request.ts";
import { type ChatHead, completionOf, type WholeAnswer } from "./chat-shape.ts";
import { type Caller, type Desk, toldOf } from "./desk.ts";
import { dataEvent, eventStream } from "./event-stream.ts";
import { badRequest, failureOfModel, unsupported } from "./failure.ts";
import { type Merged, merge } from "./merge.ts";
import { header, type Target, targetOf } from "./target.ts";
import type { AnswerStream } from "./uses.ts";

export async function chatCompletions(desk: Desk, request: Request, caller: Caller): Promise<Response> {
  caller.require("operator.write");
  const body = await readChatRequest(await readJson(request));
  const { ctx } = desk;
  const count = body.n ?? 1;
  if (count > ctx.config.mostChoices)
    throw badRequest(`'n' is ${count}; at most ${ctx.config.mostChoices} answers are given at once.`, "n", "invalid_value");
  const head: ChatHead = { id: `chatcmpl_${crypto.randomUUID()}`, created: Math.floor(ctx.clock.now() / 1000), model: body.model };
  const target = targetOf(body.model, request.headers);
  const whole = target.kind === "model" && body.stream !== true && body.logprobs !== true ? ctx.uses.llm.answer : undefined;
  if (whole) {
    const call = callOf(ctx, body);
    const answers = await together(count, request.signal, async (signal) => ended(await whole(call, { signal })));
    return Response.json(completionOf(head, answers));
  }
  const stop = linkSignals(request.signal);
  try {
    const streams = await open(desk, body, { request, caller, target, head, count, signal: stop.signal });
    if (body.stream === true) {
      const merged = await begin(streams, stop);
      return eventStream(written(ctx, merged, new ChatChunks(head, body.stream_options?.include_usage === true), stop), stop.abort);
    }
    const answers = await Promise.all(streams.map(readWhole));
    stop[Symbol.dispose]();
    return Response.json(completionOf(head, answers));
  } catch (error) {
    // One of several answers that failed ends the others.
    stop.abort(error);
    throw error;
  }
}

const callOf = ({ clock, config }: Desk["ctx"], body: ChatRequest) => chatCall(body, { now: clock.now(), fileChars: config.fileChars });

/** One of several answers that failed ends the others. */
async function together<T>(count: number, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<readonly T[]> {
  if (count === 1) return [await ask(signal)];
  using stop = linkSignals(signal);
  try {
    return await Promise.all(Array.from({ length: count }, () => ask(stop.signal)));
  } catch (error) {
    stop.abort(error);
    throw error;
  }
}

interface Opening {
  readonly request: Request;
  readonly caller: Caller;
  readonly target: Target;
  readonly head: ChatHead;
  readonly count: number;
  readonly signal: AbortSignal;
}

async function open({ ctx, agents }: Desk, body: ChatRequest, opening: Opening): Promise<readonly AnswerStream[]> {
  const { signal, count, target } = opening;
  if (target.kind === "agent") return [agents.stream(await turnOf({ ctx }, body, target.agentId, opening), signal)];
  const whole = body.stream === true ? {} : { whole: true };
  const call = { ...callOf(ctx, body), ...whole };
  return Array.from({ length: count }, () => ctx.uses.llm.stream(call, { signal }));
}

async function turnOf({ ctx }: Pick<Desk, "ctx">, body: ChatRequest, named: string | undefined, opening: Opening): Promise<AgentTurn> {
  const { request, caller, head, count, signal } = opening;
  if (count > 1) throw unsupported("n", "an agent gives one answer");
  refuseOfAgent({
    tools: body.tools,
    toolChoice: body.tool_choice,
    format: { param: "response_format", type: body.response_format?.type },
    logprobs: { param: "logprobs", wanted: body.logprobs === true },
  });
  const { id: agentId } = await ctx.uses.router.agent(named === undefined ? {} : { agentId: named }, { signal });
  const model = header(request.headers, "model");
  if (model !== undefined) caller.require("operator.admin");
  return agentTurn(conversationOf(body.messages), {
    ...sessionFor(agentId, body.user, request.headers),
    runId: head.id,
    agentId,
    param: "messages",
    model,
    thinking: body.reasoning_effort ? thinkingOf(body.reasoning_effort) : undefined,
  });
}

async function readWhole(stream: AnswerStream): Promise<WholeAnswer> {
  const logprobs: TokenLogprob[] = [];
  for (;;) {
    const step = await stream.next();
    if (step.done === true) return ended(step.value, logprobs);
    if (step.value.type === "text" && step.value.logprobs) logprobs.push(...step.value.logprobs);
  }
}

function ended(answer: ModelAnswer, logprobs: readonly TokenLogprob[] = []): WholeAnswer {
  throwFailure(answer);
  return { answer, logprobs };
}

const throwFailure = ({ failure, stopReason }: ModelAnswer): void => {
  if (failure && stopReason !== "refusal") throw failureOfModel(failure, "messages");
};

/** Nothing is answered before each has begun, so that what fails at once is an error and no stream. */
async function begin(streams: readonly AnswerStream[], stop: LinkedSignal): Promise<AsyncGenerator<Merged, void, void>> {
  try {
    const first = await Promise.all(streams.map((stream) => stream.next()));
    for (const step of first) if (step.done === true) throwFailure(step.value);
    return merge(streams, first);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(streams.map((stream) => stream.return(undefined as never)));
    throw error;
  }
}

async function* written({ log }: Desk["ctx"], merged: AsyncGenerator<Merged, void, void>, chunks: ChatChunks, stop: LinkedSignal) {
  using _ = stop;
  try {
    for await (const { choice, event, answer } of merged) {
      if (event) yield chunks.event(choice, event);
      else {
        throwFailure(answer);
        yield chunks.end(choice, answer);
      }
    }
    yield chunks.done();
  } catch (error) {
    // The reader that has left is told nothing.
    if (!stop.signal.aborted) yield dataEvent({ error: toldOf(log, error) });
  }
}
