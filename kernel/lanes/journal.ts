/** The steps of one run: what an earlier run left behind answers them, and what this one does is written down in order. */
import { type ErrorOptions, errorMessage, GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Row, Statement } from "../../store/store.ts";
import { laneErrors } from "./errors.ts";
import type { Jobs } from "./jobs.ts";
import { type OpenJob, type Step, sql } from "./rows.ts";

/** Stable between versions of the runtime, since journals outlive them. */
const hashOf = (input: unknown): string => Bun.hash.xxHash64(JSON.stringify(input) ?? "").toString(36);

/** What was thrown, as JSON keeps it. */
interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly gateway?: Pick<GatewayError, "code" | "wire" | "retryable"> & ErrorOptions;
}

const thrownOf = (error: unknown) => ({
  name: error instanceof Error ? error.name : "Error",
  message: errorMessage(error),
  ...(isGatewayError(error) && { gateway: { ...error } }),
});

const errorOf = ({ name, message, gateway }: Thrown): Error =>
  gateway ? new GatewayError(gateway.code, { ...gateway, message }, message, gateway) : Object.assign(new Error(message), { name });

export class Journal {
  readonly #past: ReadonlyMap<string, Step>;
  readonly #names = new Set<string>();
  /** What is handed over next, in one write; absent when nothing waits for that. */
  #open: Statement[] | undefined;
  /** The newest write, durable with every one before it. */
  #written: Promise<Row[][]> = Promise.resolve([]);

  constructor(
    readonly job: OpenJob,
    readonly jobs: Jobs,
    past: readonly Step[],
    /** Stands before whatever is written first. */
    readonly claim: Statement[],
    /** Whether what the store refuses is still worth writing. */
    readonly wanted: () => boolean,
  ) {
    this.#past = new Map(past.map((step) => [step.name, step]));
  }

  /** Throws `LANE_EFFECT_TWICE` for a name used before in this run, `LANE_DIVERGED` when the earlier run gave it another input. */
  enter(name: string, input: unknown): { readonly hash: string; readonly past: Step | undefined } {
    const { key, kind } = this.job;
    if (this.#names.has(name)) {
      throw laneErrors.LANE_EFFECT_TWICE(`the step "${name}" of ${key} ran before in this job: give each step a name of its own`);
    }
    this.#names.add(name);
    const hash = hashOf(input);
    const past = this.#past.get(name);
    if (past && past.hash !== hash) {
      const advice = `raise the journal number of ${kind} when its steps change`;
      throw laneErrors.LANE_DIVERGED(`the step "${name}" of ${key} had another input before the job was resumed: ${advice}`);
    }
    return { hash, past };
  }

  /** What a past step returned; throws what it threw. */
  answer({ state, value }: Step): unknown {
    if (value === null) return undefined;
    const decoded: unknown = JSON.parse(typeof value === "string" ? value : new TextDecoder().decode(value as Uint8Array));
    if (state === "failed") throw errorOf(decoded as Thrown);
    return decoded;
  }

  /** Durable, with every step before it, when it resolves. */
  async write(...statements: Statement[]): Promise<Row[][]> {
    const end = this.later(...statements);
    return (await this.#written).slice(end - statements.length, end);
  }

  /** Durable before the next `write` resolves; nothing waits for it here. Returns how many statements are handed over with it so far. */
  later(...statements: readonly Statement[]): number {
    this.#open ??= this.#begin();
    return this.#open.push(...statements);
  }

  /** The job ends with what is written next: steps that were not handed over by then need not be. */
  skip(): void {
    if (this.#open?.every(([text]) => text === sql.settle || text === sql.claim)) this.#open.length = 0;
  }

  #begin(): Statement[] {
    const statements = this.claim.splice(0);
    const writing = this.jobs.persist(() => {
      if (this.#open === statements) this.#open = undefined;
      return statements;
    }, this.wanted);
    this.#written = Promise.all([writing, this.#written]).then(([rows]) => rows);
    this.#written.catch(() => {}); // silent-ok: it fails whatever is written next
    return statements;
  }

  /** Throws when the value is not JSON, or too large. */
  settled(name: string, hash: string, value: unknown): Statement {
    const text = JSON.stringify(value);
    const { blobBytes, resultBytes } = this.jobs.deps.settings();
    if (text?.length > resultBytes) {
      const bound = `gateway.lanes.resultBytes allows ${resultBytes}`;
      throw laneErrors.LANE_RESULT_TOO_LARGE(`the step "${name}" of ${this.job.key} returned ${text.length} bytes of JSON; ${bound}`);
    }
    const kept = text?.length > blobBytes ? new TextEncoder().encode(text) : (text ?? null);
    return [sql.settle, this.job.id, name, "settled", hash, kept];
  }

  failed(name: string, hash: string, error: unknown): Statement {
    return [sql.settle, this.job.id, name, "failed", hash, JSON.stringify(thrownOf(error))];
  }
}
