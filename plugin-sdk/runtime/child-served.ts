/** What the gateway may ask of a plugin in a process of its own: whatever its setup registered. */
import type { Io } from "../contract.ts";
import type { MethodCall } from "../method.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { childJob } from "./child-job.ts";
import type { Instance } from "./instance.ts";
import type { Peer, Served } from "./peer.ts";
import type { CallFacts, JobFacts, Provisions, RouteItem, RouteRequest } from "./process-protocol.ts";
import { plainState } from "./state.ts";

interface Changes {
  config(value: unknown): void;
  provisions(value: Provisions): void;
}

type Calls = Readonly<Record<string, (params: never, io: Io) => unknown>>;
type Streams = Readonly<Record<string, (params: never, io: Io) => AsyncGenerator<unknown, unknown, void>>>;

export function childServed(instance: Instance, peer: Peer, changes: Changes): Served {
  const { registered, services } = instance;
  const jobs = childJob(peer);
  const callOf = ({ connection, role, scopes }: CallFacts, { signal }: Io, accepted: MethodCall["accepted"]): MethodCall => ({
    connection: { ...connection, caps: new Set(connection.caps) },
    role,
    scopes,
    signal,
    accepted,
  });
  const member = ({ provided, member: key }: { provided: string; member: string }) => {
    const { implementation } = registered.required("provides", provided);
    const run = implementation[key];
    if (!run) throw pluginErrors.CAPABILITY_MISSING(`${provided}.${key} is not provided`);
    return run.bind(implementation);
  };
  const answersOnce = () => {
    throw pluginErrors.PLUGIN_UNDECLARED("a method answered twice, which its definition does not declare");
  };

  const calls: Calls = {
    config: ({ config }: { config: unknown }) => changes.config(config),
    provisions: ({ provisions }: { provisions: Provisions }) => changes.provisions(provisions),
    "services.start": () => services.start(),
    "services.stop": ({ why }: { why: string }) => services.stop(pluginErrors.PLUGIN_REPLACED(why)),
    unload: () => instance.unload(),
    health: () => registered.get("health", "health")?.check() ?? { ok: true },
    "state.snapshot": async () => plainState(await registered.required("state", "state").snapshot()),
    "state.restore": async ({ state }: { state: unknown }) => void (await registered.required("state", "state").restore(plainState(state))),
    provided: (asked: { provided: string; member: string; params: unknown }, io) => member(asked)(asked.params, io),
    scope: ({ name, params }: { name: string; params: unknown }) => {
      const { scope } = registered.required("methods", name).method;
      return typeof scope === "object" ? scope.of(params) : scope;
    },
    method: ({ name, params, call }: { name: string; params: unknown; call: CallFacts }, io) =>
      registered.required("methods", name).handler(params, callOf(call, io, answersOnce)),
    // In a record, since "not mine" is no value that JSON has.
    hook: async ({ id, payload }: { id: string; payload: unknown }, io) => ({
      answer: await registered.get("hooks", id)?.handler(payload, io),
    }),
    event: ({ name, payload }: { name: string; payload: unknown }) => void registered.get("listens", name)?.listener(payload),
    job: ({ job }: { job: JobFacts }, io) => jobs.run(job, io.signal, registered.required("jobs", job.kind).handler),
    "job.step": ({ key, name }: { key: string; name: string }, io) => jobs.step(key, name, io.signal),
  };

  const streams: Streams = {
    provided: (asked: { provided: string; member: string; params: unknown }, io) =>
      member(asked)(asked.params, io) as AsyncGenerator<unknown, unknown, void>,
    route: ({ request }: { request: RouteRequest }, io) => route(request, io),
    /** A method that answers twice: its first answer is an item. */
    async *method({ name, params, call }: { name: string; params: unknown; call: CallFacts }, io: Io) {
      const first = Promise.withResolvers<unknown>();
      const answer = Promise.try(() => registered.required("methods", name).handler(params, callOf(call, io, first.resolve)));
      const either = Promise.race([first.promise.then((accepted) => ({ accepted })), answer.then(() => undefined)]);
      const accepted = await either;
      if (accepted) yield accepted;
      return (await answer) ?? null;
    },
  };

  async function* route({ prefix, method, url, headers, body }: RouteRequest, { signal }: Io): AsyncGenerator<RouteItem, null, void> {
    const request = new Request(url, {
      method,
      headers: headers as [string, string][],
      signal,
      ...(body && { body: body as Uint8Array<ArrayBuffer> }),
    });
    const response = await registered.required("routes", prefix).handler(request);
    yield { status: response.status, headers: [...response.headers] };
    for await (const chunk of response.body ?? []) yield { chunk };
    return null;
  }

  return {
    call: async (target, params, io) => (await named(calls, target)(params as never, io)) ?? null,
    stream: (target, params, io) => named(streams, target)(params as never, io),
  };
}

function named<T>(table: Readonly<Record<string, T>>, target: string): T {
  if (Object.hasOwn(table, target)) return table[target]!;
  throw pluginErrors.PLUGIN_PROTOCOL(`nothing here is called ${target}`);
}
