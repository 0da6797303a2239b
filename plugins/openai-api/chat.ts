/** `POST /v1/chat/completions`. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { ModelAnswer, TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import { type LinkedSignal, linkSignals } from "@pincer/plugin-sdk/signal";
import { refuseOfAgent } from "./agent-refusals.ts";
import { type AgentTurn, agentTurn, sessionFor } from "./agent-turn.ts";
import { targetOrAuto, withModel } from "./auto.ts";
import { readJson } from "./body.ts";
import type { Caller } from "./caller.ts";
import { chatCall, thinkingOf } from "./chat-call.ts";
import { ChatChunks } from "./chat-chunks.ts";
import { type ChatHead, completionOf, type WholeAnswer } from "./chat-completion.ts";
import { conversationOf, imagesNamed } from "./chat-messages.ts";
import { type ChatRequest, readChatRequest } from "./chat-request.ts";
import { type Desk, toldOf } from "./desk.ts";
import { dataEvent, eventStream } from "./event-stream.ts";
import { badRequest, failureOfModel, unsupported } from "./failure.ts";
import { jsonAnswer } from "./json-answer.ts";
import { type Merged, merge } from "./merge.ts";
import { nothingBefore, withPrivacy } from "./private.ts";
import { fetchImages } from "./remote-images.ts";
import { header, targetOf } from "./target.ts";
import type { AnswerStream } from "./uses.ts";

/** What is asked, of whom. */
type Asked = { readonly kind: "model"; readonly call: LlmRequest } | { readonly kind: "agent"; readonly turn: AgentTurn };

interface Asking {
  readonly headers: Headers;
  readonly caller: Caller;
  readonly runId: string;
  readonly count: number;
  readonly signal: AbortSignal;
}

export async function chatCompletions(desk: Desk, request: Request, caller: Caller): Promise<Response> {
  caller.require("operator.write");
  using place = desk.inFlight.take(caller.principal);
  const body = await readChatRequest(await readJson(request));
  const { ctx } = desk;
  const count = body.n ?? 1;
  requireChoices(desk, count);
  place.add(count - 1);
  const { signal, headers } = request;
  const id = `chatcmpl_${crypto.randomUUID()}`;
  const asked = await askedOf(desk, body, { headers, caller, runId: id, count, signal });
  const head: ChatHead = {
    id,
    created: Math.floor(ctx.clock.now() / 1000),
    model: asked.kind === "model" ? (asked.call.model ?? body.model) : body.model,
  };
  const whole = asked.kind === "model" && body.stream !== true && body.logprobs !== true ? ctx.uses.llm.answer : undefined;
  if (asked.kind === "model" && whole)
    return jsonAnswer(
      completionOf(head, await together(count, signal, async (each) => ended(await whole(asked.call, { signal: each })))),
      place,
    );
  const stop = linkSignals(signal);
  const streams = open(desk, asked, count, { isStreamed: body.stream === true, signal: stop.signal });
  if (body.stream === true) {
    const merged = await begin(streams, stop);
    const events = written(ctx, merged, new ChatChunks(head, body.stream_options?.include_usage === true), stop);
    return eventStream(events, { leave: stop.abort, over: place.keep() });
  }
  try {
    const answers = await Promise.all(streams.map(readWhole));
    stop[Symbol.dispose]();
    return jsonAnswer(completionOf(head, answers), place);
  } catch (error) {
    await endAll(streams, stop, error);
    throw error;
  }
}

function requireChoices({ ctx: { config } }: Desk, count: number): void {
  const most = Math.min(config.mostChoices, config.mostCalls);
  if (count > most) throw badRequest(`'n' is ${count}; at most ${most} answers are given at once.`, "n", "invalid_value");
}

async function askedOf(desk: Desk, body: ChatRequest, asking: Asking): Promise<Asked> {
  const { ctx } = desk;
  const { caller, headers, signal } = asking;
  const target = await targetOrAuto(ctx, body.model, targetOf(body.model, headers), signal);
  if (target.kind === "agent") return { kind: "agent", turn: await turnOf(desk, body, target.agentId, asking) };
  const images = await fetchImages(ctx, imagesNamed(body.messages), signal);
  const call = chatCall(body, { images, now: ctx.clock.now(), fileChars: ctx.config.fileChars, user: caller.account(body.user) });
  return { kind: "model", call: (await withModel(ctx, call, signal)).call };
}

async function turnOf({ ctx }: Desk, body: ChatRequest, named: string | undefined, asking: Asking): Promise<AgentTurn> {
  const { headers, caller, runId, count, signal } = asking;
  if (count > 1) throw unsupported("n", "an agent gives one answer");
  refuseOfAgent({
    tools: body.tools,
    toolChoice: body.tool_choice,
    format: { param: "response_format", type: body.response_format?.type },
    logprobs: { param: "logprobs", wanted: body.logprobs === true },
  });
  const { id: agentId } = await ctx.uses.router.agent(named === undefined ? {} : { agentId: named }, { signal });
  const model = header(headers, "model");
  if (model !== undefined) caller.require("operator.admin");
  const images = await fetchImages(ctx, imagesNamed(body.messages), signal);
  const turn = agentTurn(conversationOf(body.messages, images), {
    ...sessionFor(agentId, caller, body.user, headers),
    runId,
    agentId,
    user: caller.account(body.user),
    param: "messages",
    model,
    thinking: body.reasoning_effort ? thinkingOf(body.reasoning_effort) : undefined,
  });
  return withPrivacy(ctx, turn, nothingBefore, signal);
}

interface Opening {
  readonly isStreamed: boolean;
  readonly signal: AbortSignal;
}

function open({ ctx, agents }: Desk, asked: Asked, count: number, { isStreamed, signal }: Opening): readonly AnswerStream[] {
  if (asked.kind === "agent") return [agents.stream(asked.turn, signal)];
  const call = isStreamed ? asked.call : { ...asked.call, whole: true };
  return Array.from({ length: count }, () => ctx.uses.llm.stream(call, { signal }));
}

/** One of several answers that failed ends the others, and is told when they have ended. */
async function together<T>(count: number, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<readonly T[]> {
  if (count === 1) return [await ask(signal)];
  using stop = linkSignals(signal);
  const all = Array.from({ length: count }, () => ask(stop.signal));
  try {
    return await Promise.all(all);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(all);
    throw error;
  }
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

/** One of several answers that failed ends the others. */
async function endAll(streams: readonly AnswerStream[], stop: LinkedSignal, error: unknown): Promise<void> {
  stop.abort(error);
  await Promise.allSettled(streams.map((stream) => stream.return(undefined as never)));
}

/** Nothing is answered before each has begun, so that what fails at once is an error and no stream. */
async function begin(streams: readonly AnswerStream[], stop: LinkedSignal): Promise<AsyncGenerator<Merged, void, void>> {
  try {
    const first = await Promise.all(streams.map((stream) => stream.next()));
    for (const step of first) if (step.done === true) throwFailure(step.value);
    return merge(streams, first);
  } catch (error) {
    await endAll(streams, stop, error);
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
