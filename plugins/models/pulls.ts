/** Models that are fetched onto the machine of their server: one pull of each at a time, told of to all who ask, and ended when the plugin goes. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Providers } from "@pincer/plugin-sdk/contract";
import type { PullProgress, provider } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type PullState, pullChanged } from "./catalogue-methods.ts";
import type { Directory } from "./directory.ts";
import { llmErrors } from "./errors.ts";
import type { Resolver } from "./resolve.ts";

interface PullsContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly uses: { readonly providers: Providers<typeof provider> };
  emit(event: typeof pullChanged, payload: PullState): void;
}

/** A server tells of every few kilobytes; people see no more than this. */
const LEAST_MS = 150;
/** Pulls that have ended, and are still told of. */
const MOST_KEPT = 20;

interface Pull {
  state: PullState;
  readonly stop: AbortController;
  readonly waiting: Set<() => void>;
}

export interface Pulls extends Disposable {
  /** Begins it, or joins one that runs. */
  begin(model: string): Promise<PullState>;
  /** Resolves as soon as there is more to tell than `version`. */
  wait(model: string, version: number, signal: AbortSignal): Promise<PullState>;
  /** Whether there was one that ran. */
  cancel(model: string): boolean;
}

export function createPulls(ctx: PullsContext, directory: Directory, resolver: Resolver): Pulls {
  const { clock, log } = ctx;
  const pulls = new Map<string, Pull>();

  const advance = (pull: Pull, more: Partial<PullState>) => {
    pull.state = { ...pull.state, ...more, version: pull.state.version + 1 };
    for (const resolve of pull.waiting) resolve();
    pull.waiting.clear();
  };
  const tell = (pull: Pull, more: Partial<PullState>) => {
    advance(pull, more);
    ctx.emit(pullChanged, pull.state);
  };

  const look = async (model: string): Promise<void> => {
    const endpoints = await directory.endpoints({ refresh: true });
    const serving = endpoints.find(({ endpoint }) => model.startsWith(`${endpoint}/`));
    if (serving) await directory.models(serving, { refresh: true });
  };

  const run = async (pull: Pull, serving: string): Promise<void> => {
    const { model } = pull.state;
    let toldAt = Number.NEGATIVE_INFINITY;
    let untold: PullProgress | undefined;
    let later: Disposable | undefined;
    const end = (more: Partial<PullState>) => tell(pull, { ...untold, ...more });
    const tellUntold = () => {
      later?.[Symbol.dispose]();
      later = undefined;
      toldAt = clock.monotonic();
      if (untold && pull.state.state === "running") tell(pull, untold);
      untold = undefined;
    };
    try {
      const stream = ctx.uses.providers.get(serving).pull!({ model }, { signal: pull.stop.signal });
      for (;;) {
        const next = await stream.next();
        if (next.done) {
          const { failure } = next.value;
          if (failure) log.warn("models.pull-failed", { model, class: failure.class, error: failure.message });
          else log.info("models.pulled", { model });
          // Whoever is told that it is there finds it.
          if (!failure) await look(model);
          return end(failure ? { state: "failed", failure } : { state: "done" });
        }
        untold = next.value;
        // A new step is told at once, the bytes of one now and then.
        const wait = toldAt + LEAST_MS - clock.monotonic();
        if (next.value.status !== pull.state.status || wait <= 0) tellUntold();
        else later ??= clock.after(wait, tellUntold);
      }
    } catch (error) {
      if (pull.state.state !== "running") return;
      if (pull.stop.signal.aborted) return end({ state: "cancelled" });
      log.error("models.pull-failed", { model, error: errorMessage(error) });
      end({ state: "failed", failure: { class: "unknown", message: errorMessage(error) } });
    } finally {
      later?.[Symbol.dispose]();
    }
  };

  /** By reference, alias, or bare name where one server alone can fetch models. */
  const placeOf = async (wanted: string): Promise<{ readonly model: string; readonly serving: string }> => {
    const name = resolver.expand(wanted);
    const able = (await directory.endpoints()).filter(({ provider: serving }) => ctx.uses.providers.get(serving).pull !== undefined);
    const slash = name.indexOf("/");
    const named = able.find(({ endpoint }) => slash > 0 && endpoint === name.slice(0, slash));
    if (named && slash < name.length - 1) return { model: name, serving: named.provider };
    const [only] = able;
    const isElsewhere = (await directory.endpoints()).some(({ endpoint }) => slash > 0 && endpoint === name.slice(0, slash));
    if (only && able.length === 1 && !isElsewhere && name !== "") return { model: `${only.endpoint}/${name}`, serving: only.provider };
    const known = able.map(({ endpoint }) => `${endpoint}/<model>`).join(", ");
    throw llmErrors.LLM_PULL_IMPOSSIBLE(
      known === ""
        ? `nothing that fetches models is enabled, for "${wanted}"; pincer plugins enable provider-ollama`
        : `"${wanted}" cannot be fetched; name it as one of these: ${known}`,
      { data: { model: wanted } },
    );
  };

  const find = (wanted: string): Pull => {
    const name = resolver.expand(wanted);
    const found = pulls.get(name) ?? [...pulls.values()].find(({ state }) => state.model.endsWith(`/${name}`));
    if (found) return found;
    throw llmErrors.LLM_PULL_UNKNOWN(`"${wanted}" is not being fetched; pincer models pull ${wanted} does so`, { data: { model: wanted } });
  };

  return {
    async begin(wanted) {
      const { model, serving } = await placeOf(wanted);
      const known = pulls.get(model);
      if (known?.state.state === "running") return known.state;
      const ended = [...pulls.values()].filter(({ state }) => state.state !== "running");
      for (const { state } of ended.slice(0, Math.max(0, ended.length - MOST_KEPT))) pulls.delete(state.model);
      // Versions go on, so that whoever waits for the next is not told of the one before.
      const version = known?.state.version ?? 0;
      const state: PullState = { model, state: "running", status: "asking", completedBytes: 0, totalBytes: null, version: version + 1 };
      const pull: Pull = { state, stop: new AbortController(), waiting: new Set() };
      pulls.set(model, pull);
      void run(pull, serving);
      return state;
    },

    async wait(model, version, signal) {
      const pull = find(model);
      if (pull.state.version > version || pull.state.state !== "running") return pull.state;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      pull.waiting.add(resolve);
      try {
        signal.throwIfAborted();
        await promise;
      } finally {
        pull.waiting.delete(resolve);
        signal.removeEventListener("abort", onAbort);
      }
      return pull.state;
    },

    cancel(model) {
      const pull = find(model);
      if (pull.state.state !== "running") return false;
      pull.stop.abort(new Error("the pull was cancelled"));
      return true;
    },

    [Symbol.dispose]() {
      for (const pull of pulls.values()) {
        if (pull.state.state !== "running") continue;
        advance(pull, { state: "cancelled" });
        pull.stop.abort(new Error("the plugin goes; the next pull goes on from here"));
      }
    },
  };
}
