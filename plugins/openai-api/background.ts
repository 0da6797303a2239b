/** Responses in the background: each a job, which is done also when the gateway is killed meanwhile. */
import type { ModelAnswer, ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { type Admission, defineJob, type Job } from "@pincer/plugin-sdk/job";
import { type Static, Type } from "@sinclair/typebox";
import { type Desk, toldOf } from "./desk.ts";
import { type ErrorBody, failureOfModel } from "./failure.ts";
import type { Place } from "./in-flight.ts";
import { type ResponseEvent, ResponseEvents } from "./responses-events.ts";
import { ended, finished, streamOf } from "./responses-run.ts";
import type { ResponseStore, Run, StoredResponse } from "./responses-store.ts";

export const responseJob = defineJob({
  kind: "openai-api.response",
  journal: 1,
  input: Type.Object({ id: Type.String() }),
  result: Type.Object({ status: Type.String() }),
});
type Input = Static<typeof responseJob.input>;

const mostKept = 64;
const keyOf = (id: string) => `openai-api:${id}`;

/** What a response has told so far, for whoever follows it. */
class Told {
  readonly events: ResponseEvent[] = [];
  isOver = false;
  #wake = Promise.withResolvers<void>();

  add(events: readonly ResponseEvent[], isOver = false): void {
    this.events.push(...events);
    this.isOver ||= isOver;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
  more(): Promise<void> {
    return this.#wake.promise;
  }
}

export class Background {
  readonly #desk: Desk;
  readonly #store: ResponseStore;
  /** The newest, the oldest first. */
  readonly #told = new Map<string, Told>();
  /** By response: gives back its place among the calls that run. */
  readonly #places = new Map<string, () => void>();

  constructor(desk: Desk, store: ResponseStore) {
    this.#desk = desk;
    this.#store = store;
  }

  /** Durable once this has resolved. */
  async begin(stored: StoredResponse, place: Place): Promise<void> {
    const { id } = stored.response;
    this.#places.set(id, place.keep());
    this.#listen(id).add([{ type: "response.queued", sequence_number: 0, response: stored.response }]);
    const { ctx } = this.#desk;
    const spends = stored.run === undefined ? {} : spendsOf(stored.run);
    const admission = { lane: `job:openai-api:${id}`, kind: responseJob.kind, key: keyOf(id), input: { id } satisfies Input, spends };
    try {
      await ctx.uses.lanes.admit({ admissions: [admission] }, { signal: ctx.signal });
    } catch (error) {
      this.#leave(id);
      throw error;
    }
  }

  /** One that was begun before a restart, or by an earlier generation. */
  #takeUp(id: string, { principal }: StoredResponse): void {
    this.#places.set(id, this.#desk.inFlight.takeAnyway(principal).keep());
    this.#desk.ctx.log.debug("response.taken-up", { id });
  }

  #leave(id: string): void {
    this.#places.get(id)?.();
    this.#places.delete(id);
  }

  run = async (job: Job<Input>): Promise<{ status: string }> => {
    const { id } = job.input;
    try {
      const stored = (await this.#store.find(id))?.stored;
      if (stored?.run === undefined) return { status: stored?.response.status ?? "removed" };
      if (!this.#places.has(id)) this.#takeUp(id, stored);
      return await this.#work(job, stored, stored.run);
    } finally {
      this.#leave(id);
    }
  };

  async #work(job: Job<Input>, stored: StoredResponse, run: Run): Promise<{ status: string }> {
    const { id } = job.input;
    const told = this.#listen(id);
    const events = new ResponseEvents(stored.response, stored.sealed);
    const tell = (all: readonly ResponseEvent[], isOver?: boolean) => told.add(all.map(later), isOver);
    tell(events.begin());
    let end: readonly ResponseEvent[];
    let answer: ModelAnswer | undefined;
    try {
      // Asking again after a crash is harmless: a run of an agent is found by its id, and a model is asked what it was asked.
      answer = await job.effect<ModelAnswer>(
        "answer",
        { id },
        (signal) => this.#answer(run, signal, (event) => tell(events.event(event))),
        { replay: "safe" },
      );
      const failure = answer.failure && answer.stopReason !== "refusal" ? failureOfModel(answer.failure, "input") : undefined;
      end = failure ? events.fail(failure.body, answer.usage) : events.end(answer, this.#desk.ctx.clock.now());
    } catch (error) {
      if (job.signal.aborted || isOfTheLane(error)) throw error;
      this.#desk.ctx.log.warn("response.failed", { id, error: errorMessage(error) });
      end = events.fail(toldOf(this.#desk.ctx.log, error));
    }
    await this.#store.put(await ended(this.#desk, stored, events.response, answer));
    tell(end, true);
    return { status: events.response.status };
  }

  async #answer(run: Run, signal: AbortSignal, on: (event: ModelEvent) => void): Promise<ModelAnswer> {
    // An agent's run is a job of its own: it goes on while this one is put off, and is found again by its id.
    const stream = streamOf(this.#desk, run, signal, { detached: true });
    try {
      for (;;) {
        const step = await stream.next();
        signal.throwIfAborted();
        if (step.done === true) return step.value;
        on(step.value);
      }
    } finally {
      await stream.return(undefined as never);
    }
  }

  async #newest(stored: StoredResponse): Promise<StoredResponse> {
    return (await this.#store.get(stored.response.id, stored.principal))?.stored ?? stored;
  }

  /** As it stands now. One whose job was given up has failed. */
  async settled(stored: StoredResponse): Promise<StoredResponse> {
    if (stored.run === undefined) return stored;
    const { ctx } = this.#desk;
    const found = await ctx.uses.lanes.find({ key: keyOf(stored.response.id) }, { signal: ctx.signal });
    if (found?.state === "ready") return stored;
    if (found?.state === "running") return { ...stored, response: { ...stored.response, status: "in_progress" } };
    // It may have ended since it was read.
    const newest = await this.#newest(stored);
    if (newest.run === undefined || found?.state === "done") return newest;
    this.#leave(stored.response.id);
    const { message } = (found?.result ?? {}) as Partial<ErrorBody>;
    const error = { code: "server_error", message: message ?? "The gateway gave it up." };
    const failed = finished(stored, { ...stored.response, status: "failed", error }, undefined);
    await this.#store.put(failed);
    return failed;
  }

  /** Stops it when it has not ended, and answers what it is then. */
  async cancel(stored: StoredResponse): Promise<StoredResponse> {
    const { ctx } = this.#desk;
    const { id } = stored.response;
    const { keys } = await ctx.uses.lanes.cancel({ key: keyOf(id), reason: "cancelled by the caller" }, { signal: ctx.signal });
    this.#leave(id);
    if (!keys.includes(keyOf(id))) return this.settled(await this.#newest(stored));
    if (stored.run?.kind === "agent") await this.#desk.agents.stop(stored.run.turn);
    const cancelled = finished(stored, { ...stored.response, status: "cancelled" }, undefined);
    await this.#store.put(cancelled);
    this.#told.get(id)?.add([], true);
    return cancelled;
  }

  /** What it has told behind that number, and tells yet. Of what was told before this generation only the end is left to tell. */
  follow(stored: StoredResponse, after: number, signal: AbortSignal): AsyncGenerator<ResponseEvent, void, void> {
    const told = this.#told.get(stored.response.id);
    return told ? followed(told, after, signal) : this.#end(stored, after, signal);
  }

  async *#end(stored: StoredResponse, after: number, signal: AbortSignal): AsyncGenerator<ResponseEvent, void, void> {
    const { id } = stored.response;
    if (stored.run !== undefined) await this.#desk.ctx.uses.lanes.wait({ key: keyOf(id) }, { signal });
    const { response } = await this.settled(await this.#newest(stored));
    yield { type: `response.${response.status}`, sequence_number: after + 1, response };
  }

  #listen(id: string): Told {
    const known = this.#told.get(id);
    // A job that begins again tells everything again.
    if (known && known.events.length <= 1 && !known.isOver) return known;
    const told = new Told();
    if (known) told.add(known.events.slice(0, 1));
    this.#told.set(id, told);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= mostKept) break;
      // What still runs is followed to its end, however many others come and go: their places bound those.
      if (!this.#places.has(oldest)) this.#told.delete(oldest);
    }
    return told;
  }
}

const spendsOf = (run: Run): NonNullable<Admission["spends"]> => {
  if (run.kind === "model") return run.call.user === undefined ? {} : { user: run.call.user };
  const { agentId, sessionKey, user } = run.turn;
  return { agentId, sessionKey, user };
};

/** Behind `response.queued`. */
const later = (event: ResponseEvent): ResponseEvent => ({ ...event, sequence_number: event.sequence_number + 1 });

async function* followed(told: Told, after: number, signal: AbortSignal): AsyncGenerator<ResponseEvent, void, void> {
  const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  for (let at = 0; !signal.aborted; ) {
    const more = told.more();
    for (; at < told.events.length; at++) {
      const event = told.events[at]!;
      if (event.sequence_number > after) yield event;
    }
    if (told.isOver) return;
    await Promise.race([more, gone]);
  }
}

const isOfTheLane = (error: unknown) => isGatewayError(error) && error.code.startsWith("LANE_");
