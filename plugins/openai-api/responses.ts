/** `/v1/responses` and what is below it. */
import type { ModelAnswer } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type LinkedSignal, linkSignals } from "@pincer/plugin-sdk/signal";
import { Background } from "./background.ts";
import { readJson } from "./body.ts";
import type { Caller } from "./caller.ts";
import { type Desk, toldOf } from "./desk.ts";
import { doneEvent, eventStream, namedEvent } from "./event-stream.ts";
import { ApiFailure, badRequest, failureOfModel } from "./failure.ts";
import type { Place } from "./in-flight.ts";
import { jsonAnswer } from "./json-answer.ts";
import { type Before, joined } from "./private.ts";
import { beforeOf, withItems } from "./responses-before.ts";
import { runOf } from "./responses-call.ts";
import { type ResponseEvent, ResponseEvents } from "./responses-events.ts";
import { type InputItem, type ResponsesRequest, readResponsesRequest } from "./responses-request.ts";
import { ended, streamOf } from "./responses-run.ts";
import { newResponse, type ResponseObject } from "./responses-shape.ts";
import type { ResponseStore, Run, StoredResponse } from "./responses-store.ts";
import type { AnswerStream } from "./uses.ts";

export class Responses {
  readonly #desk: Desk;
  readonly #store: ResponseStore;
  readonly background: Background;

  constructor(desk: Desk, store: ResponseStore) {
    this.#desk = desk;
    this.#store = store;
    this.background = new Background(desk, store);
  }

  create = async (request: Request, caller: Caller): Promise<Response> => {
    caller.require("operator.write");
    using place = this.#desk.inFlight.take(caller.principal);
    const { body, before: named } = await this.#withItems(await readResponsesRequest(await readJson(request)), caller);
    const id = `resp_${crypto.randomUUID()}`;
    const previous = body.previous_response_id ? await this.#previous(body.previous_response_id, caller) : undefined;
    const before = joined(beforeOf(previous), named);
    const stop = linkSignals(request.signal);
    try {
      const { run, ...found } = await runOf(this.#desk, body, {
        id,
        headers: request.headers,
        caller,
        previous,
        before,
        signal: stop.signal,
      });
      const stored = this.#begun(id, body, caller, { run, before, isPrivate: found.isPrivate });
      if (body.background === true) return await this.#inBackground(stored, body, stop, place);
      const stream = streamOf(this.#desk, run, stop.signal);
      const events = new ResponseEvents(stored.response, stored.sealed);
      if (body.stream === true) {
        const first = await stream.next();
        if (first.done === true) throwFailure(first.value);
        return eventStream(this.#written(stream, first, events, stored, stop), { leave: stop.abort, over: place.keep() });
      }
      const response = await this.#whole(stream, events, stored);
      stop[Symbol.dispose]();
      return jsonAnswer(response, place);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };

  #begun(
    id: string,
    body: ResponsesRequest,
    { principal }: Caller,
    { run, before, isPrivate }: { readonly run: Run; readonly before: Before; readonly isPrivate: boolean },
  ): StoredResponse {
    const model = run.kind === "model" ? (run.call.model ?? body.model) : body.model;
    return {
      principal,
      response: newResponse(id, Math.floor(this.#desk.ctx.clock.now() / 1000), { ...body, model }),
      input: inputItems(id, body.input),
      messages: [],
      run,
      sealed: body.include?.includes("reasoning.encrypted_content") === true,
      ...(isPrivate ? { isPrivate } : {}),
      ...(before.told.length === 0 ? {} : { toldBefore: before.told }),
      ...(run.kind === "agent" ? { sessionKey: run.turn.sessionKey } : {}),
    };
  }

  retrieve = async (request: Request, caller: Caller, id: string): Promise<Response> => {
    caller.require("operator.read");
    using place = this.#desk.readers.take(caller.principal);
    const stored = await this.background.settled(await this.#find(id, caller));
    const { searchParams } = new URL(request.url);
    if (searchParams.get("stream") !== "true") return jsonAnswer(stored.response, place);
    const after = Number(searchParams.get("starting_after") ?? -1);
    if (!Number.isInteger(after)) throw badRequest("'starting_after' is the number of an event.", "starting_after", "invalid_value");
    return this.#following(stored, after, linkSignals(request.signal), place);
  };

  remove = async (_request: Request, caller: Caller, id: string): Promise<Response> => {
    caller.require("operator.write");
    const stored = await this.#find(id, caller);
    if (stored.run !== undefined) await this.background.cancel(stored);
    await this.#store.remove(stored);
    return Response.json({ id, object: "response", deleted: true });
  };

  cancel = async (_request: Request, caller: Caller, id: string): Promise<Response> => {
    caller.require("operator.write");
    using place = this.#desk.readers.take(caller.principal);
    const stored = await this.#find(id, caller);
    if (!stored.response.background) throw badRequest("Only a response in the background can be cancelled.", "response_id");
    return jsonAnswer((stored.run === undefined ? stored : await this.background.cancel(stored)).response, place);
  };

  inputItems = async (_request: Request, caller: Caller, id: string): Promise<Response> => {
    caller.require("operator.read");
    using place = this.#desk.readers.take(caller.principal);
    const { input } = await this.#find(id, caller);
    // The newest first, as OpenAI lists them.
    const data = input.toReversed();
    return jsonAnswer({ object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false }, place);
  };

  async #inBackground(stored: StoredResponse, body: ResponsesRequest, stop: LinkedSignal, place: Place): Promise<Response> {
    using reading = this.#desk.readers.take(stored.principal);
    if (!(await this.#store.put(stored)))
      throw badRequest("The request is too large for the background; send less, or wait for the answer.", "background", "invalid_value");
    await this.background.begin(stored, place);
    if (body.stream !== true) {
      stop[Symbol.dispose]();
      return jsonAnswer(stored.response, reading);
    }
    return this.#following(stored, -1, stop, reading);
  }

  #following(stored: StoredResponse, after: number, stop: LinkedSignal, place: Place): Response {
    const told = this.#told(this.background.follow(stored, after, stop.signal), stop);
    return eventStream(told, { leave: stop.abort, over: place.keep() });
  }

  async *#told(events: AsyncGenerator<ResponseEvent, void, void>, stop: LinkedSignal): AsyncGenerator<string, void, void> {
    using _ = stop;
    try {
      for await (const event of events) yield namedEvent(event);
      yield doneEvent;
    } catch (error) {
      if (!stop.signal.aborted) yield namedEvent({ ...toldOf(this.#desk.ctx.log, error), type: "error" });
    }
  }

  async #whole(stream: AnswerStream, events: ResponseEvents, stored: StoredResponse): Promise<ResponseObject> {
    for (;;) {
      const step = await stream.next();
      if (step.done !== true) {
        events.event(step.value);
        continue;
      }
      throwFailure(step.value);
      events.end(step.value, this.#desk.ctx.clock.now());
      return await this.#keep(stored, events.response, step.value);
    }
  }

  async *#written(
    stream: AnswerStream,
    first: Awaited<ReturnType<AnswerStream["next"]>>,
    events: ResponseEvents,
    stored: StoredResponse,
    stop: LinkedSignal,
  ): AsyncGenerator<string, void, void> {
    using _ = stop;
    const { log, clock } = this.#desk.ctx;
    try {
      yield lines(events.begin());
      for (let step = first; ; step = await stream.next()) {
        if (step.done !== true) {
          const told = events.event(step.value);
          if (told.length > 0) yield lines(told);
          continue;
        }
        throwFailure(step.value);
        const end = events.end(step.value, clock.now());
        // Who has read its end may go on from it at once.
        await this.#keep(stored, events.response, step.value);
        yield lines(end) + doneEvent;
        return;
      }
    } catch (error) {
      if (!stop.signal.aborted) yield lines(events.fail(toldOf(log, error))) + doneEvent;
    } finally {
      await stream.return(undefined as never);
    }
  }

  /** What cannot be kept is answered all the same, and says that it was not kept. */
  async #keep(stored: StoredResponse, response: ResponseObject, answer: ModelAnswer): Promise<ResponseObject> {
    if (!response.store) return response;
    const { log } = this.#desk.ctx;
    try {
      if (await this.#store.put(await ended(this.#desk, stored, response, answer))) return response;
      log.warn("response.too-large", { id: response.id });
    } catch (error) {
      log.error("response.not-kept", { id: response.id, error: errorMessage(error) });
    }
    return { ...response, store: false };
  }

  async #find(id: string, { principal }: Caller): Promise<StoredResponse> {
    const kept = await this.#store.get(id, principal);
    if (kept === undefined) throw new ApiFailure("response_not_found", `Response with id '${id}' not found.`, { param: "response_id" });
    return kept.stored;
  }

  async #previous(id: string, { principal }: Caller): Promise<StoredResponse> {
    const kept = await this.#store.get(id, principal);
    if (kept === undefined)
      throw badRequest(`Previous response with id '${id}' not found.`, "previous_response_id", "previous_response_not_found");
    const settled = await this.background.settled(kept.stored);
    const { status } = settled.response;
    if (status !== "completed" && status !== "incomplete")
      throw badRequest(
        `The previous response '${id}' is ${status}: there is nothing to go on from.`,
        "previous_response_id",
        "invalid_value",
      );
    return settled;
  }

  #withItems(body: ResponsesRequest, { principal }: Caller): ReturnType<typeof withItems> {
    return withItems(body, { most: this.#desk.ctx.config.responseBytes, find: (id) => this.#store.get(id, principal) });
  }
}

const lines = (events: readonly { readonly type: string }[]): string => events.map(namedEvent).join("");

const throwFailure = ({ failure, stopReason }: ModelAnswer): void => {
  if (failure && stopReason !== "refusal") throw failureOfModel(failure, "input");
};

function inputItems(id: string, input: ResponsesRequest["input"]): StoredResponse["input"] {
  const given: readonly InputItem[] =
    typeof input === "string" ? [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }] : input;
  const own = id.replace(/^resp_/, "");
  return given.map((item, at) => {
    const shown =
      item.type === undefined || item.type === "message" ? { ...item, type: "message" as const, content: contentOf(item) } : item;
    return { ...shown, id: `in_${own}_${at}` };
  });
}

const contentOf = ({ role, content }: Extract<InputItem, { content: unknown }>) =>
  typeof content === "string"
    ? [{ type: role === "assistant" ? ("output_text" as const) : ("input_text" as const), text: content }]
    : content;
