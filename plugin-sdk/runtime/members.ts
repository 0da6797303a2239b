/** The members of a contract as their callers hold them: checked, counted and blamed, whatever stands behind them. */
import { requireValid } from "../check.ts";
import type { Call, Contract, ImplementationOf, Io, Stream } from "../contract.ts";
import { isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { linkSignals } from "../signal.ts";
import { cut, isGone } from "./gone.ts";
import type { Implementation } from "./registrations.ts";

/** Of a stream that only one may hold. */
interface Lease {
  /** It was asked to end, for a newer generation. */
  readonly isReleased: boolean;
  held(): void;
  /** `error` is what it ended with, if it failed. */
  ended(error?: unknown): void;
}

/** What a call goes to, resolved when it is made. */
interface Target {
  readonly implementation: Implementation;
  /** Called when the call has ended; more often does no harm. */
  leave(): void;
  /** Whether it is the end of the process that was called, by which nobody was answered. Absent of one that runs here. */
  isEnd?(error: unknown): boolean;
  /** What the caller is told of something that was thrown. */
  blame(error: unknown, what: string): unknown;
  /** For a stream that only one may hold, which counts as no call from then on. */
  lease?(stop: () => void): Lease;
}

interface Binding {
  /** Whether an optional member exists, read at each use. */
  has(member: string): boolean;
  /** Throws `PLUGIN_PERMISSION` when the caller may not make a call in that name. Absent where somebody else looks. */
  requireName?(wanted: NonNullable<Call["speaksAs"]>, name: unknown): void;
  /**
   * `what` names the call for whoever waits for it. No promise when nothing has to be activated first. With `patient` it waits, until that
   * aborts, for a process that is to be started again after a pause.
   */
  resolve(what: string, patient?: AbortSignal): Target | Promise<Target>;
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

const badParams = (what: string) => (how: string) => pluginErrors.CAPABILITY_PARAMS_INVALID(`${what} ${how}`);
const badResult = (what: string) => (how: string) => pluginErrors.CAPABILITY_RESULT_INVALID(`${what} ${how}`);
const replaced = (what: string) => pluginErrors.PLUGIN_REPLACED(`${what} was replaced by a newer generation: start it again`);

function runMember({ implementation }: Target, key: string, what: string, given: unknown, io: Io): unknown {
  const run = implementation[key];
  if (!run) throw pluginErrors.CAPABILITY_MISSING(`${what} is not provided by the present generation`);
  return run.call(implementation, given, io);
}

/** Of what may not have been checked yet, where the provider is in a process of its own. */
const nameIn = (given: unknown, at: readonly string[]): unknown =>
  at.reduce((value, key) => (value as Readonly<Record<string, unknown>> | null | undefined)?.[key], given);

function bindCall(member: Call, key: string, what: string, binding: Binding) {
  const [wrongParams, wrongResult] = [badParams(what), badResult(what)];
  return async (given: unknown, io: Io) => {
    requireValid(member.params, given, wrongParams);
    if (member.speaksAs) binding.requireName?.(member.speaksAs, nameIn(given, member.speaksAs.at));
    io.signal.throwIfAborted();
    for (let attempt = 1; ; attempt++) {
      const resolved = binding.resolve(what, member.safe ? io.signal : undefined);
      const target = resolved instanceof Promise ? await resolved : resolved;
      try {
        const answer = await runMember(target, key, what, given, io);
        requireValid(member.result, answer, wrongResult);
        return answer;
      } catch (error) {
        const isCut = isGone(error) && target.isEnd?.(error) === true;
        if (isCut && member.safe && attempt < safeAttempts && !io.signal.aborted) continue;
        if (io.signal.aborted && !isGatewayError(error)) throw io.signal.reason;
        throw target.blame(isCut && !member.safe ? cut(error, what) : error, what);
      } finally {
        target.leave();
      }
    }
  };
}

/** Fewer than the ends that a plugin may have before it is given up: one call that ends every process does not use them up alone. */
const safeAttempts = 3;
function bindStream(member: Stream, key: string, what: string, binding: Binding) {
  const [wrongParams, wrongResult] = [badParams(what), badResult(what)];
  return async function* (given: unknown, io: Io) {
    requireValid(member.params, given, wrongParams);
    io.signal.throwIfAborted();
    for (let attempt = 1; ; attempt++) {
      const resolved = binding.resolve(what, member.safe ? io.signal : undefined);
      const target = resolved instanceof Promise ? await resolved : resolved;
      // A reader that leaves early stops the other side as an abort does, and waits for it, as it would across a process.
      using stop = linkSignals(io.signal);
      const lease = member.held && target.lease?.(() => stop.abort(replaced(what)));
      if (lease) target.leave();
      let items: AsyncGenerator<unknown, unknown, void> | undefined;
      let isBegun = false;
      let ended = false;
      let failure: unknown;
      try {
        items = runMember(target, key, what, given, { signal: stop.signal }) as AsyncGenerator<unknown, unknown, void>;
        for (;;) {
          const step = await items.next();
          isBegun = true;
          if (lease?.isReleased) throw replaced(what);
          ended = step.done === true;
          requireValid(ended ? member.result : member.item, step.value, wrongResult);
          if (ended) return step.value;
          if (lease && Bun.deepMatch(member.held, step.value)) lease.held();
          yield step.value;
        }
      } catch (error) {
        failure = error;
        if (lease?.isReleased) throw replaced(what);
        const isCut = isGone(error) && target.isEnd?.(error) === true;
        if (isCut && !isBegun && member.safe && attempt < safeAttempts && !io.signal.aborted) continue;
        if (io.signal.aborted && !isGatewayError(error)) throw io.signal.reason;
        throw target.blame(isCut && !member.safe ? cut(error, what) : error, what);
      } finally {
        if (!ended) stop.abort(pluginErrors.PLUGIN_UNLOADED(`the reader of ${what} left`));
        try {
          if (!ended) await items?.return(undefined);
        } finally {
          // Also when its end cannot be had, because its process went away.
          lease?.ended(failure);
          target.leave();
        }
      }
    }
  };
}
