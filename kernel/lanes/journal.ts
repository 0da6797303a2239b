/** The steps of one run: what an earlier run left behind answers them, and what this one does is written down in order. */
import { errorMessage, GatewayError, isGatewayError, type WireCode } from "@pincer/plugin-sdk/error";
import type { Row, Statement } from "../store/store.ts";
import { laneErrors } from "./errors.ts";
import { type OpenJob, rows, type Step, type StepState } from "./rows.ts";
import type { LanesSettings } from "./settings.ts";

/** Stable between versions of the runtime, since journals outlive them. */
const hashOf = (input: unknown): string => Bun.hash.xxHash64(JSON.stringify(input) ?? "").toString(36);

interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly gateway?: Pick<GatewayError, "code" | "wire" | "retryable" | "retryAfterMs" | "data">;
}

const thrownOf = (error: unknown): Thrown => {
  const name = error instanceof Error ? error.name : "Error";
  if (!isGatewayError(error)) return { name, message: errorMessage(error) };
  const { code, wire, retryable, retryAfterMs, data } = error;
  return { name, message: error.message, gateway: { code, wire, retryable, retryAfterMs, data } };
};

const errorOf = ({ name, message, gateway }: Thrown): Error =>
  gateway
    ? new GatewayError(gateway.code, { message, wire: gateway.wire as WireCode, retryable: gateway.retryable }, message, {
        ...(gateway.data && { data: gateway.data }),
        ...(gateway.retryAfterMs !== undefined && { retryAfterMs: gateway.retryAfterMs }),
      })
    : Object.assign(new Error(message), { name });

const decoder = new TextDecoder();

export class Journal {
  readonly #job: OpenJob;
  readonly #past: ReadonlyMap<string, Step>;
  readonly #persist: (statements: readonly Statement[]) => Promise<Row[][]>;
  readonly #settings: () => LanesSettings;
  readonly #names = new Set<string>();
  /** Written and not yet durable. They stand before the next write in the same queue, so it is hardly ever that one waits for them. */
  readonly #unsettled = new Set<Promise<unknown>>();
  /** Rides with the first write. */
  #claim: readonly Statement[];

  constructor(options: {
    readonly job: OpenJob;
    readonly past: readonly Step[];
    readonly claim: Statement;
    readonly persist: (statements: readonly Statement[]) => Promise<Row[][]>;
    readonly settings: () => LanesSettings;
  }) {
    this.#job = options.job;
    this.#past = new Map(options.past.map((step) => [step.name, step]));
    this.#claim = [options.claim];
    this.#persist = options.persist;
    this.#settings = options.settings;
  }

  /** Throws `LANE_EFFECT_TWICE` for a name used before in this run, `LANE_DIVERGED` when the earlier run gave it another input. */
  enter(name: string, input: unknown): { readonly hash: string; readonly past: Step | undefined } {
    if (this.#names.has(name)) {
      throw laneErrors.LANE_EFFECT_TWICE(`the step "${name}" of ${this.#job.key} ran before in this job: give each step a name of its own`);
    }
    this.#names.add(name);
    const hash = hashOf(input);
    const past = this.#past.get(name);
    if (past && past.hash !== hash) {
      throw laneErrors.LANE_DIVERGED(
        `the step "${name}" of ${this.#job.key} had another input before the job was resumed: raise the journal number of ${this.#job.kind} when its steps change`,
      );
    }
    return { hash, past };
  }

  /** What a past step returned; throws what it threw. */
  answer({ state, value }: Step): unknown {
    if (value === null) return undefined;
    const decoded: unknown = JSON.parse(typeof value === "string" ? value : decoder.decode(value as Uint8Array));
    if (state === "failed") throw errorOf(decoded as Thrown);
    return decoded;
  }

  /** Durable, with every step before it, when it resolves. */
  async write(...statements: Statement[]): Promise<Row[][]> {
    const claim = this.#claim;
    this.#claim = [];
    const [written] = await Promise.all([this.#persist([...claim, ...statements]), ...this.#unsettled]);
    return written.slice(claim.length);
  }

  begin(name: string, hash: string): Promise<Row[][]> {
    return this.write(rows.begin(this.#job.id, name, hash));
  }

  unbegin(name: string): void {
    this.#later(rows.unbegin(this.#job.id, name));
  }

  /** Throws when the value is not JSON. Durable before the next `write` resolves; nothing waits for it here. */
  settle(name: string, hash: string, value: unknown): void {
    this.#later(this.settled(name, hash, value));
  }

  fail(name: string, hash: string, error: unknown): void {
    this.#later(rows.settle(this.#job.id, this.#step(name, "failed", hash, thrownOf(error))));
  }

  settled(name: string, hash: string, value: unknown): Statement {
    return rows.settle(this.#job.id, this.#step(name, "settled", hash, value));
  }

  #step(name: string, state: StepState, hash: string, value: unknown): Step {
    const text = JSON.stringify(value);
    if (text === undefined) return { name, state, hash, value: null };
    const { blobBytes, resultBytes } = this.#settings();
    if (text.length > resultBytes) {
      throw laneErrors.LANE_RESULT_TOO_LARGE(
        `the step "${name}" of ${this.#job.key} returned ${text.length} bytes of JSON; gateway.lanes.resultBytes allows ${resultBytes}`,
      );
    }
    return { name, state, hash, value: text.length > blobBytes ? new TextEncoder().encode(text) : text };
  }

  #later(statement: Statement): void {
    const claim = this.#claim;
    this.#claim = [];
    const writing = this.#persist([...claim, statement]);
    this.#unsettled.add(writing);
    writing.then(
      () => this.#unsettled.delete(writing),
      () => {}, // silent-ok: it stays among the unsettled, and fails the next write
    );
  }
}
