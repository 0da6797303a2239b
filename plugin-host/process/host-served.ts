/** What a plugin in its own process may ask of the gateway. Nothing that comes from there is believed: shapes, sizes and rights are checked here. */
import type { KeyValueStore, Logger, PluginContext } from "@pincer/plugin-sdk";
import { requireValid } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Io } from "@pincer/plugin-sdk/contract";
import type { EmitOptions, GatewayEvent } from "@pincer/plugin-sdk/event";
import type { Generated } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { fieldsOf, logBudget } from "@pincer/plugin-sdk/runtime/log-budget";
import type { Served } from "@pincer/plugin-sdk/runtime/peer";
import type { Hello } from "@pincer/plugin-sdk/runtime/process-protocol";
import { shapes } from "@pincer/plugin-sdk/runtime/process-shapes";
import type { Implementation, Registrations } from "@pincer/plugin-sdk/runtime/registrations";
import { type Static, Type } from "@sinclair/typebox";
import type { ChildJobs } from "./child-jobs.ts";
import { isOwnHook } from "./powers.ts";

/** What stands around a process: what the plugin may do has been decided for these. */
export interface ProcessSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
  readonly isTrusted: boolean;
  emit(event: GatewayEvent, payload: unknown, options: EmitOptions): void;
  call(method: string, params: unknown, signal: AbortSignal): Promise<unknown>;
  /** Runs a hook: of the plugin's own, unless it is trusted. */
  readonly run: PluginContext["run"];
  secret(name: string): Promise<string | undefined>;
  /** A contract that the manifest says it uses. Throws `CAPABILITY_MISSING`, `PLUGIN_PERMISSION`. */
  use(contract: string, version: number, name: string | undefined, signal: AbortSignal): Promise<Implementation>;
  fault(what: string, message: string): void;
}

type Target = keyof typeof shapes;
type Handlers = { readonly [T in Target]: (params: Static<(typeof shapes)[T]>, io: Io) => unknown };

export function hostServed(
  id: string,
  generated: Generated,
  around: ProcessSurroundings,
  registered: () => Registrations,
  jobs: ChildJobs,
  onHello: (hello: Hello) => unknown,
  room: () => Promise<void>,
): Served {
  const { log, store } = around;
  const isLogged = logBudget(id, around.clock, log);
  const isTold = logBudget(id, around.clock, log);

  const used = async ({ contract, version, name, member }: Static<typeof shapes.use>, { signal }: Io) => {
    const declared = generated.uses?.[contract];
    if (declared?.version !== version)
      throw pluginErrors.PLUGIN_PERMISSION(`${id} uses ${contract} version ${version}, which its manifest does not declare`);
    const implementation = await around.use(contract, version, declared.arity === "many" ? name : undefined, signal);
    const run = Object.hasOwn(implementation, member) ? implementation[member] : undefined;
    if (!run) throw pluginErrors.CAPABILITY_MISSING(`${contract} has no member ${member}`);
    return run;
  };

  const inTurn = createQueue();
  /** One after the other, and no faster than they are taken over there: a thousand answers at once would be all that it keeps, a thousand times. */
  const read = <T>(run: () => Promise<T>): Promise<T> =>
    inTurn(async () => {
      await room();
      return run();
    });

  const handlers: Handlers = {
    hello: onHello,
    log: ({ level, event, fields }) => {
      if (isLogged()) log[level](event, fieldsOf(fields));
    },
    fault: ({ what, message }) => isTold() && around.fault(what, message.slice(0, 16_384)),
    "store.get": ({ key }) => read(async () => ({ value: await store.get(key) })),
    "store.list": ({ prefix }) => read(async () => ({ rows: await store.list(prefix) })),
    "store.set": ({ set, gone }) => store.set({ ...set, ...Object.fromEntries(gone.map((key) => [key, undefined])) }),
    emit: ({ event: name, payload, options }) => {
      const event = registered().get("emits", name);
      if (!event) throw pluginErrors.PLUGIN_UNDECLARED(`${id} emits ${name}, which its manifest does not declare`);
      requireValid(event.payload, payload, (how) => pluginErrors.CAPABILITY_PARAMS_INVALID(`${name} ${how}`));
      return around.emit(event, payload, options);
    },
    call: ({ method, params }, { signal }) => around.call(method, params ?? {}, signal),
    run: ({ id: hook, kind, payload }, { signal }) => {
      // Everybody's handlers answer to a hook: what the gateway or another plugin asks by one is not for this one to ask.
      if (!around.isTrusted && !isOwnHook(id, hook))
        throw pluginErrors.PLUGIN_PERMISSION(`${id} may run only hooks of its own, which begin with "${id}.", not ${hook}`);
      return around.run({ id: hook, kind, summary: "", payload: Type.Unknown(), result: Type.Unknown() }, payload, { signal });
    },
    secret: async ({ name }) => ({ value: await around.secret(name) }),
    use: async (asked, io) => (await used(asked, io))(asked.params, io),
    "job.effect": ({ key, name, input, safe }) => jobs.effect(jobs.required(key), name, input, safe),
    "job.take": ({ key, name, modes }) => jobs.required(key).take(name, modes),
    "job.send": ({ key, next }) => jobs.required(key).send(next),
    "job.sendNow": ({ key, name, next }) => jobs.required(key).sendNow(name, next),
    "job.sleep": ({ key, ms }) => jobs.required(key).sleep(ms),
  };

  /** At once, so that what a process says in an order happens in it. */
  const checked = <T>(target: string, params: unknown, run: () => T | Promise<T>): T | Promise<T> => {
    if (!Object.hasOwn(shapes, target)) throw pluginErrors.PLUGIN_PROTOCOL(`the gateway has no ${target.slice(0, 200)}`);
    requireValid(shapes[target as Target], params, (how) => pluginErrors.PLUGIN_PROTOCOL(`${target} ${how}`));
    return run();
  };

  return {
    call: async (target, params, io) => (await checked(target, params, () => handlers[target as Target](params as never, io))) ?? null,
    async *stream(target, params, io) {
      if (target !== "use") throw pluginErrors.PLUGIN_PROTOCOL(`the gateway has no stream ${target.slice(0, 200)}`);
      const asked = params as Static<typeof shapes.use>;
      const run = await checked(target, params, () => used(asked, io));
      return yield* run(asked.params, io) as AsyncGenerator<unknown, unknown, void>;
    },
  };
}
