/** Jobs whose handlers run in a plugin's own process, while lane and journal are the gateway's. */
import type { Admission, Job, QueueMode } from "../job.ts";
import { pluginErrors } from "../plugin-errors.ts";
import type { Peer } from "./peer.ts";
import type { JobFacts } from "./process-protocol.ts";

type Run = (signal: AbortSignal) => Promise<unknown>;

export function childJob(peer: Peer) {
  /** By key and name: the outside calls that a step is asked for, when no earlier run has journalled what they returned. */
  const steps = new Map<string, Run>();
  const idOf = (key: string, name: string) => JSON.stringify([key, name]);

  const made = ({ kind: _, ...facts }: JobFacts, signal: AbortSignal): Job => {
    const { key } = facts;
    const ask = (target: string, params: object) => peer.call(target, { key, ...params }, { signal });
    return {
      ...facts,
      signal,
      async effect(name: string, input: unknown, run: Run, options: { readonly replay?: "safe" | "never" } = {}) {
        const id = idOf(key, name);
        // A name that is taken is refused over there, where earlier runs are known too.
        if (!steps.has(id)) steps.set(id, run);
        try {
          return (await ask("job.effect", { name, input, safe: options.replay === "safe" })) as never;
        } finally {
          if (steps.get(id) === run) steps.delete(id);
        }
      },
      take: async <T>(name: string, modes: readonly QueueMode[] = ["steer"]) =>
        (await ask("job.take", { name, modes })) as { key: string; input: T }[],
      // Goes out before the handler's answer, on the same socket.
      send: (next: Admission) => void ask("job.send", { next }).catch(() => undefined), // silent-ok: the job's own answer tells
      sendNow: async (name: string, next: Admission) => void (await ask("job.sendNow", { name, next })),
      sleep: async (ms: number) => void (await ask("job.sleep", { ms })),
    };
  };

  return {
    run: (facts: JobFacts, signal: AbortSignal, handler: (job: Job) => Promise<unknown>) => handler(made(facts, signal)),
    step(key: string, name: string, signal: AbortSignal): Promise<unknown> {
      const run = steps.get(idOf(key, name));
      if (!run) throw pluginErrors.PLUGIN_PROTOCOL(`no step ${name} of ${key} waits`);
      return run(signal);
    },
  };
}
