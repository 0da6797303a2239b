/** Runs a hook over the handlers of every plugin. How it runs is the hook's kind, and so is what a failing handler means. */
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Hook, HookOutcome, HookPayload } from "@pincer/plugin-sdk/hook";
import { Verdict } from "@pincer/plugin-sdk/hook";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { TSchema } from "@sinclair/typebox";
import type { Generation } from "./generation.ts";

export interface HookDeps {
  readonly clock: Clock;
  deadlineMs(hook: Hook): number;
  /** Plugins that handle the hook, in order. */
  handlers(hook: string): readonly { readonly plugin: string }[];
  /** Runs on the plugin's present generation, counted and blamed. */
  inside<T>(plugin: string, what: string, run: (generation: Generation) => T | Promise<T>): Promise<T>;
  report(plugin: string, hook: string, error: unknown): void;
}

export async function runHook<H extends Hook>(
  deps: HookDeps,
  hook: H,
  payload: HookPayload<H>,
  signal?: AbortSignal,
): Promise<HookOutcome<H>> {
  const expected: TSchema | undefined = { transform: hook.payload, gate: Verdict, first: hook.result }[hook.kind as string];

  /** The answer of one handler; a failure of any sort is reported, and answers `failed`. */
  const ask = async (plugin: string, value: unknown): Promise<{ readonly answer: unknown } | { readonly failed: string }> => {
    using late = linkSignals(...(signal ? [signal] : []));
    try {
      const answer = await deps.inside(plugin, `hook ${hook.id}`, (generation) => {
        const run = Promise.try(() => generation.registered.get("hooks", hook.id)?.handler(value, { signal: late.signal }));
        return within(deps.clock, deps.deadlineMs(hook), run, `${plugin} in hook ${hook.id}`);
      });
      if (expected && !(hook.kind === "first" && answer === undefined))
        await requireValid(expected, answer, `${plugin} in hook ${hook.id}`);
      return { answer };
    } catch (error) {
      late.abort(error);
      if (signal?.aborted) throw signal.reason;
      deps.report(plugin, hook.id, error);
      return { failed: errorMessage(error) };
    }
  };

  const plugins = deps.handlers(hook.id).map(({ plugin }) => plugin);
  let outcome: unknown = { transform: payload, gate: { allow: true } }[hook.kind as string];
  if (hook.kind === "all") await Promise.all(plugins.map((plugin) => ask(plugin, payload)));
  else {
    for (const plugin of plugins) {
      const said = await ask(plugin, hook.kind === "transform" ? outcome : payload);
      if (hook.kind === "gate" && "failed" in said)
        return { allow: false, reason: `${plugin} could not decide: ${said.failed}` } as HookOutcome<H>;
      if ("failed" in said || hook.kind === "series") continue;
      outcome = said.answer;
      if (hook.kind === "first" && outcome !== undefined) break;
      if (hook.kind === "gate" && !(outcome as Verdict).allow) break;
    }
  }
  return outcome as HookOutcome<H>;
}

async function requireValid(schema: TSchema, answer: unknown, what: string): Promise<void> {
  const compiled = await checker(schema);
  if (!compiled.Check(answer))
    throw pluginErrors.PLUGIN_FAULT(`${what} answered wrongly ${describeMismatch(mismatchOf(compiled, answer))}`);
}
