/** What each death has shown to be durable. What comes later is held against it. */
import type { Remains } from "./autopsy.ts";
import type { Load } from "./load.ts";
import { asksIn, type World } from "./world.ts";

export class Witness {
  readonly complaints: string[] = [];
  /** Tool calls that had begun and not settled when a gateway died. */
  readonly interrupted = new Set<string>();
  readonly #world: World;
  /** Asks whose answers were journalled, with how many asks there were when that was seen. */
  readonly #journalled = new Map<number, number>();
  /** Reading calls whose results were journalled, with how often each had run. */
  readonly #read = new Map<string, number>();
  readonly #ended = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** @param stopped it ended as it should, and blames nobody. */
  look(remains: Remains | undefined, load: Load, stopped: boolean): void {
    const { asks, reads } = this.#world;
    if (remains === undefined) {
      if (load.said.some(({ isAccepted }) => isAccepted)) this.complaints.push("the store is gone");
      return;
    }
    for (const { key, state, ended } of remains.jobs.values()) {
      const before = this.#ended.get(key);
      if (before !== undefined && !(ended && state === before)) this.complaints.push(`${key} had ended as ${before}, and is ${state} now`);
      if (ended) this.#ended.set(key, state);
      if (stopped && state === "running") this.complaints.push(`${key} is marked as running after a stop, and would be blamed`);
    }
    for (const { name, state, value } of remains.steps) {
      const callId = name.startsWith("tool:") ? name.slice(5) : undefined;
      if (state === "begun" && callId !== undefined) this.interrupted.add(callId);
      if (state !== "settled") continue;
      if (name.startsWith("model:")) for (const ask of asksIn(value)) this.#seen(this.#journalled, ask, asks.length);
      if (callId !== undefined) this.#seen(this.#read, callId, reads.filter((read) => read === callId).length);
    }
    load.heardOutside((runId) => remains.jobs.has(`run:${runId}`));
    for (const { runId, isAccepted } of load.said) {
      if (isAccepted && !remains.jobs.has(`run:${runId}`)) this.complaints.push(`${runId} was acknowledged, and is not in the store`);
    }
  }

  /** Looks at what the outside was asked after each death. */
  finish(): void {
    const { asks, reads } = this.#world;
    for (const [ask, until] of this.#journalled) {
      const request = asks[ask]?.request;
      const again = asks.findIndex((other, index) => index >= until && other.request === request);
      if (again !== -1) this.complaints.push(`ask ${ask} was journalled, and the model was asked the same again as ask ${again}`);
    }
    for (const [callId, times] of this.#read) {
      const now = reads.filter((read) => read === callId).length;
      if (times > 0 && now > times) this.complaints.push(`${callId} was settled, and was read again`);
    }
  }

  #seen<K>(map: Map<K, number>, key: K, value: number): void {
    if (!map.has(key)) map.set(key, value);
  }
}
