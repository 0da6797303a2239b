/** Runs a hook over the handlers of every plugin. How it runs is the hook's kind, and so is what a failing handler means. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { requireValid } from "@pincer/plugin-sdk/check";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Hook, Verdict } from "@pincer/plugin-sdk/hook";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Reach } from "./deps.ts";

export function createHookRunner({ clock, limits, log, table, inside }: Reach): PluginContext["run"] {
  /** The answer of one handler; a failure of any sort is reported, and answers `failed`. */
  const ask = async (hook: Hook, plugin: string, value: unknown, signal: AbortSignal | undefined) => {
    using late = linkSignals(...(signal ? [signal] : []));
    const what = `${plugin} in hook ${hook.id}`;
    try {
      const answer: unknown = await inside(plugin, `hook ${hook.id}`, (generation) => {
        const handled = Promise.try(() => generation.registered.get("hooks", hook.id)?.handler(value, { signal: late.signal }));
        return within(clock, hook.stops ? limits().stopMs : limits().hookMs, handled, what);
      });
      const isMine = hook.kind !== "first" || answer !== undefined;
      const expected = { transform: hook.payload, gate: Verdict, first: hook.result, series: undefined, all: undefined }[hook.kind];
      if (expected && isMine) requireValid(expected, answer, (how) => pluginErrors.PLUGIN_FAULT(`${what} answered wrongly ${how}`));
      return { answer };
    } catch (error) {
      late.abort(error);
      if (signal?.aborted) throw signal.reason;
      log.error("hook.failed", { plugin, hook: hook.id, error: errorMessage(error) });
      return { failed: errorMessage(error) };
    }
  };

  const runAll = async (hook: Hook, payload: unknown, signal: AbortSignal | undefined): Promise<unknown> => {
    const plugins = table().handlers(hook.id);
    if (hook.kind === "all") return void (await Promise.all(plugins.map(({ plugin }) => ask(hook, plugin, payload, signal))));
    let value = payload;
    for (const { plugin } of plugins) {
      const { answer, failed } = await ask(hook, plugin, value, signal);
      if (hook.kind === "gate") {
        if (failed !== undefined) return { allow: false, reason: `${plugin} could not decide: ${failed}` };
        if (!(answer as Verdict).allow) return answer;
      }
      if (hook.kind === "first" && failed === undefined && answer !== undefined) return answer;
      if (hook.kind === "transform" && failed === undefined) value = answer;
    }
    return { transform: value, gate: { allow: true }, first: undefined, series: undefined }[hook.kind];
  };
  return async (hook, payload, options) => (await runAll(hook, payload, options?.signal)) as never;
}
