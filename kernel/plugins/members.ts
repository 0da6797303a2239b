/** The members of a contract as their callers hold them: checked, counted and blamed, whatever stands behind them. */
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { Call, Contract, ImplementationOf, Io, Stream } from "@pincer/plugin-sdk/contract";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { Implementation } from "@pincer/plugin-sdk/runtime/registrations";
import type { TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import type { Hold } from "./lease.ts";

/** What a call goes to, resolved when it is made. */
export interface Target {
  readonly implementation: Implementation;
  /** Called once, when the call has ended. */
  leave(): void;
  /** What the caller is told of something that was thrown. */
  blame(error: unknown, what: string): unknown;
  /** For a stream that only one may hold; `leave` has been called already. */
  hold?(stop: () => void): Hold;
}

export interface Binding {
  /** Whether an optional member exists, read at each use. */
  has(member: string): boolean;
  /** `what` names the call for whoever waits for it. No promise when nothing has to be activated first. */
  resolve(what: string): Target | Promise<Target>;
}

export function bindMembers<C extends Contract>(contract: C, name: string, binding: Binding): ImplementationOf<C> {
  const bound = {};
  for (const [key, member] of Object.entries(contract.members)) {
    const what = `${contract.id}/${name}.${key}`;
    const run = member.kind === "call" ? bindCall(member, key, what, binding) : bindStream(member, key, what, binding);
    Object.defineProperty(bound, key, { enumerable: true, get: () => (member.optional && !binding.has(key) ? undefined : run) });
  }
  return bound as ImplementationOf<C>;
}

const bindCall = (member: Call, key: string, what: string, binding: Binding) => {
  const params = new Check(member.params, (how) => pluginErrors.CAPABILITY_PARAMS_INVALID(`${what} ${how}`));
  const result = new Check(member.result, (how) => pluginErrors.CAPABILITY_RESULT_INVALID(`${what} ${how}`));
  return async (given: unknown, io: Io) => {
    if (!params.isReady) await params.load();
    params.require(given);
    io.signal.throwIfAborted();
    const resolved = binding.resolve(what);
    const target = resolved instanceof Promise ? await resolved : resolved;
    try {
      const answer = await memberOf(target, key, what)(given, io);
      if (!result.isReady) await result.load();
      result.require(answer);
      return answer;
    } catch (error) {
      throw io.signal.aborted && !isGatewayError(error) ? io.signal.reason : target.blame(error, what);
    } finally {
      target.leave();
    }
  };
};

const bindStream = (member: Stream, key: string, what: string, binding: Binding) => {
  const params = new Check(member.params, (how) => pluginErrors.CAPABILITY_PARAMS_INVALID(`${what} ${how}`));
  const item = new Check(member.item, (how) => pluginErrors.CAPABILITY_RESULT_INVALID(`${what} ${how}`));
  const result = new Check(member.result, (how) => pluginErrors.CAPABILITY_RESULT_INVALID(`${what} ${how}`));
  return async function* (given: unknown, io: Io) {
    await Promise.all([params.load(), item.load(), result.load()]);
    params.require(given);
    io.signal.throwIfAborted();
    const target = await binding.resolve(what);
    // A reader that leaves early stops the other side as an abort does, and waits for it, as it would across a process.
    const stop = new AbortController();
    const onAbort = () => stop.abort(io.signal.reason);
    io.signal.addEventListener("abort", onAbort, { once: true });
    const hold = member.held && target.hold?.(() => stop.abort(replaced(what)));
    let items: AsyncGenerator<unknown, unknown, void> | undefined;
    try {
      items = memberOf(target, key, what)(given, { signal: stop.signal }) as AsyncGenerator<unknown, unknown, void>;
      for (;;) {
        const step = await items.next();
        if (hold?.isReleased) throw replaced(what);
        (step.done ? result : item).require(step.value);
        if (step.done) return step.value;
        if (hold && Bun.deepMatch(member.held, step.value)) hold.held();
        yield step.value;
      }
    } catch (error) {
      if (hold?.isReleased) throw replaced(what);
      throw io.signal.aborted && !isGatewayError(error) ? io.signal.reason : target.blame(error, what);
    } finally {
      io.signal.removeEventListener("abort", onAbort);
      stop.abort(pluginErrors.PLUGIN_UNLOADED(`the reader of ${what} left`));
      await items?.return(undefined);
      hold?.ended();
      target.leave();
    }
  };
};

const replaced = (what: string) => pluginErrors.PLUGIN_REPLACED(`${what} was replaced by a newer generation: start it again`);

function memberOf({ implementation }: Target, key: string, what: string) {
  const run = implementation[key];
  if (!run) throw pluginErrors.CAPABILITY_MISSING(`${what} is not provided by the present generation`);
  return run.bind(implementation);
}

/** Compiled when it is first needed; after that it costs no turn of the event loop. */
class Check {
  #compiled: TypeCheck<TSchema> | undefined;

  constructor(
    private readonly schema: TSchema,
    private readonly fail: (mismatch: string) => Error,
  ) {}

  get isReady(): boolean {
    return this.#compiled !== undefined;
  }
  async load(): Promise<void> {
    this.#compiled ??= await checker(this.schema);
  }
  require(value: unknown): void {
    if (!this.#compiled!.Check(value)) throw this.fail(describeMismatch(mismatchOf(this.#compiled!, value)));
  }
}
