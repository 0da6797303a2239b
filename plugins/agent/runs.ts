/** The runs that clients can follow right now. A run that has ended is kept nowhere in memory: its job knows how it ended. */
import type { JobOutcome } from "@pincer/plugin-sdk/job";
import { RunEvents, type RunIdentity } from "./run-events.ts";
import type { AgentContext } from "./uses.ts";

type Failure = { readonly code?: string; readonly message?: string };
export const toldFailure = ({ result }: JobOutcome): Failure => (typeof result === "object" && result !== null ? (result as Failure) : {});

const mostTold = 1_000;
/** Why a run is stopped when nobody says otherwise: another message goes first. */
export const interrupted = "interrupt";

export class Runs {
  readonly #agent: AgentContext;
  readonly #live = new Map<string, RunEvents>();
  /** Runs whose request has not been answered yet: the answer goes first. */
  readonly #held = new Map<string, Promise<void>>();
  /** Why runs are being stopped, in the words of the wire. */
  readonly #stopping = new Map<string, string>();
  /** The newest runs whose end was told: their jobs may still be on their way out of the lane. */
  readonly #told = new Set<string>();

  constructor(agent: AgentContext) {
    this.#agent = agent;
  }

  begin(identity: RunIdentity, options: { readonly askedAt: number; readonly resumed: boolean }): RunEvents {
    const { clock, emit } = this.#agent;
    const events = new RunEvents(identity, { clock, emit, deltaMs: () => this.#agent.config.deltaMs, ...options });
    this.#live.set(identity.runId, events);
    return events;
  }

  /** The run's handler has come to its end. */
  finish(events: RunEvents): void {
    const { runId } = events.identity;
    if (events.isTold) this.#isTold(runId);
    events[Symbol.dispose]();
    if (this.#live.get(runId) !== events) return;
    this.#live.delete(runId);
    this.#stopping.delete(runId);
  }

  get(runId: string): RunEvents | undefined {
    return this.#live.get(runId);
  }

  ofSession(sessionKey: string): readonly RunEvents[] {
    return [...this.#live.values()].filter(({ identity }) => identity.sessionKey === sessionKey);
  }

  /** Holds back what is told of a run until the request for it has been answered. Call the result once it has. */
  hold(runId: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(runId, promise);
    return () => {
      if (this.#held.get(runId) === promise) this.#held.delete(runId);
      resolve();
    };
  }

  async answered(runId: string): Promise<void> {
    await this.#held.get(runId);
  }

  stopping(runIds: readonly string[], stopReason: string): void {
    for (const runId of runIds) this.#stopping.set(runId, stopReason);
  }

  forgetStopping(runIds: readonly string[]): void {
    for (const runId of runIds) this.#stopping.delete(runId);
  }

  stopReason(runId: string): string {
    return this.#stopping.get(runId) ?? interrupted;
  }

  /** Tells the end of a run that another one took over, or that ended before it began. */
  tell(identity: RunIdentity, end: Parameters<RunEvents["end"]>[0]): void {
    const { runId } = identity;
    if (this.#live.has(runId) || this.#told.has(runId)) return;
    this.#isTold(runId);
    const { clock, emit } = this.#agent;
    const events = new RunEvents(identity, { clock, emit, deltaMs: () => 0, askedAt: clock.now(), resumed: false });
    events.end(end);
  }

  /** Whether clients know how the run ended. */
  isTold(runId: string): boolean {
    return this.#told.has(runId) || this.#live.get(runId)?.isTold === true;
  }

  #isTold(runId: string): void {
    this.#told.add(runId);
    if (this.#told.size > mostTold) for (const oldest of this.#told) return void this.#told.delete(oldest);
  }
}
