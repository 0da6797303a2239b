/** What a plugin in its own process may ask of the gateway. Nothing that comes from there is believed: shapes, sizes and rights are checked here. */
import type { KeyValueStore, Logger, PluginContext } from "@pincer/plugin-sdk";
import { requireValid } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Io } from "@pincer/plugin-sdk/contract";
import type { EmitOptions, GatewayEvent } from "@pincer/plugin-sdk/event";
import type { HookKind } from "@pincer/plugin-sdk/hook";
import { Admission, QueueMode } from "@pincer/plugin-sdk/job";
import type { Generated } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { Served } from "@pincer/plugin-sdk/runtime/peer";
import type { Implementation, Registrations } from "@pincer/plugin-sdk/runtime/registrations";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { ChildJobs } from "./child-jobs.ts";

/** What stands around a process: what the plugin may do has been decided for these. */
export interface Around {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
  emit(event: GatewayEvent, payload: unknown, options: EmitOptions): void;
  call(method: string, params: unknown, signal: AbortSignal): Promise<unknown>;
  /** Runs a hook of the plugin's own. */
  readonly run: PluginContext["run"];
  secret(name: string): Promise<string | undefined>;
  /** A contract that the manifest says it uses. Throws `CAPABILITY_MISSING`, `PLUGIN_PERMISSION`. */
  use(contract: string, version: number, name: string | undefined): Promise<Implementation>;
  fault(what: string, message: string): void;
}

/** Lines of log that a process may write in a second; what is beyond is counted, and told in one line. */
const logLines = 200;

const Text = Type.String({ maxLength: 4_096 });
const Key = Type.String({ maxLength: 1_024 });
const Name = Type.String({ maxLength: 512 });
const closed = { additionalProperties: false };
const Fields = Type.Record(Type.String(), Type.Unknown());

interface Entry<P extends TSchema = TSchema> {
  readonly params: P;
  run(params: Static<P>, io: Io): unknown;
}
const entry = <P extends TSchema>(params: P, run: (params: Static<P>, io: Io) => unknown): Entry => ({ params, run }) as Entry;

export function hostServed(
  id: string,
  generated: Generated,
  around: Around,
  registered: () => Registrations,
  jobs: ChildJobs,
  onHello: (hello: unknown) => unknown,
): Served {
  const { log, store } = around;
  const isLogged = throttle(around.clock, logLines, (lost) => log.warn("plugin.log-flood", { plugin: id, lost }));

  const Use = Type.Object(
    { contract: Name, version: Type.Integer(), name: Type.Optional(Name), member: Name, params: Type.Optional(Type.Unknown()) },
    closed,
  );
  const used = async ({ contract, version, name, member }: Static<typeof Use>) => {
    const declared = generated.uses?.[contract];
    if (declared?.version !== version)
      throw pluginErrors.PLUGIN_PERMISSION(`${id} uses ${contract} version ${version}, which its manifest does not declare`);
    const implementation = await around.use(contract, version, declared.arity === "many" ? name : undefined);
    const run = Object.hasOwn(implementation, member) ? implementation[member] : undefined;
    if (!run) throw pluginErrors.CAPABILITY_MISSING(`${contract} has no member ${member}`);
    return run;
  };
  const JobKey = { key: Key };

  const calls: Readonly<Record<string, Entry>> = {
    hello: entry(Type.Unknown(), onHello),
    log: entry(
      Type.Object({
        level: Type.Union([Type.Literal("debug"), Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")]),
        event: Type.String({ maxLength: 200 }),
        fields: Type.Optional(Fields),
      }),
      ({ level, event, fields }) => {
        if (isLogged()) log[level](event, bounded(fields));
      },
    ),
    fault: entry(Type.Object({ what: Text, message: Type.String() }), ({ what, message }) => around.fault(what, message.slice(0, 16_384))),
    "store.get": entry(Type.Object({ key: Key }), async ({ key }) => ({ value: await store.get(key) })),
    "store.list": entry(Type.Object({ prefix: Key }), async ({ prefix }) => ({ rows: await store.list(prefix) })),
    "store.set": entry(Type.Object({ set: Fields, gone: Type.Array(Key) }), async ({ set, gone }) => {
      await store.set({ ...set, ...Object.fromEntries(gone.map((key) => [key, undefined])) });
    }),
    emit: entry(
      Type.Object({
        event: Name,
        payload: Type.Unknown(),
        options: Type.Object(
          {
            topics: Type.Optional(Type.Array(Text)),
            cap: Type.Optional(Text),
            connections: Type.Optional(Type.Array(Text)),
          },
          closed,
        ),
      }),
      async ({ event: name, payload, options }) => {
        const event = registered().get("emits", name);
        if (!event) throw pluginErrors.PLUGIN_UNDECLARED(`${id} emits ${name}, which its manifest does not declare`);
        await requireValid(event.payload, payload, (how) => pluginErrors.CAPABILITY_PARAMS_INVALID(`${name} ${how}`));
        around.emit(event, payload, options);
      },
    ),
    call: entry(Type.Object({ method: Name, params: Type.Optional(Type.Unknown()) }), ({ method, params }, { signal }) =>
      around.call(method, params ?? {}, signal),
    ),
    run: entry(
      Type.Object({ id: Name, kind: Type.Unsafe<HookKind>(Type.String()), payload: Type.Unknown() }),
      ({ id: hook, kind, payload }, { signal }) => {
        // Everybody's handlers answer to a hook: what the gateway or another plugin asks by one is not for this one to ask.
        if (!hook.startsWith(`${id}.`))
          throw pluginErrors.PLUGIN_PERMISSION(`${id} may run only hooks of its own, which begin with "${id}.", not ${hook}`);
        const unchecked = Type.Unknown();
        return around.run({ id: hook, kind, summary: "", payload: unchecked, result: unchecked }, payload, { signal });
      },
    ),
    secret: entry(Type.Object({ name: Name }), async ({ name }) => ({ value: await around.secret(name) })),
    use: entry(Use, async (asked, io) => (await used(asked))(asked.params, io)),
    "job.effect": entry(
      Type.Object({ ...JobKey, name: Name, input: Type.Optional(Type.Unknown()), safe: Type.Boolean() }),
      ({ key, name, input, safe }) => jobs.effect(jobs.required(key), name, input, safe),
    ),
    "job.take": entry(Type.Object({ ...JobKey, name: Name, modes: Type.Array(QueueMode) }), ({ key, name, modes }) =>
      jobs.required(key).take(name, modes),
    ),
    "job.send": entry(Type.Object({ ...JobKey, next: Admission }), ({ key, next }) => jobs.required(key).send(next)),
    "job.sendNow": entry(Type.Object({ ...JobKey, name: Name, next: Admission }), ({ key, name, next }) =>
      jobs.required(key).sendNow(name, next),
    ),
    "job.sleep": entry(Type.Object({ ...JobKey, ms: Type.Number({ minimum: 0 }) }), ({ key, ms }) => jobs.required(key).sleep(ms)),
  };

  const find = async (target: string, params: unknown): Promise<Entry> => {
    const found = Object.hasOwn(calls, target) ? calls[target] : undefined;
    if (!found) throw pluginErrors.PLUGIN_PROTOCOL(`the gateway has no ${target.slice(0, 200)}`);
    await requireValid(found.params, params, (how) => pluginErrors.PLUGIN_PROTOCOL(`${target} ${how}`));
    return found;
  };

  return {
    call: async (target, params, io) => (await (await find(target, params)).run(params, io)) ?? null,
    async *stream(target, params, io) {
      if (target !== "use") throw pluginErrors.PLUGIN_PROTOCOL(`the gateway has no stream ${target.slice(0, 200)}`);
      await find(target, params);
      const asked = params as Static<typeof Use>;
      return yield* (await used(asked))(asked.params, io) as AsyncGenerator<unknown, unknown, void>;
    },
  };
}

/** A field of a line of log is at most this long. */
const fieldChars = 4_096;
function bounded(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(fields);
  return text.length <= fieldChars ? fields : { cut: text.slice(0, fieldChars) };
}

/** True for so many in a second; how many were refused is told when the second is over. */
function throttle(clock: Clock, most: number, told: (lost: number) => void): () => boolean {
  let count = 0;
  let isCounting = false;
  return () => {
    if (!isCounting) {
      isCounting = true;
      clock.after(1_000, () => {
        if (count > most) told(count - most);
        isCounting = false;
        count = 0;
      });
    }
    return ++count <= most;
  };
}
