/** A plugin in its own process, as the host sees it: what its manifest declares, each handler a call over there. */
import { requireValid } from "@pincer/plugin-sdk/check";
import type { Contract, Io, Members } from "@pincer/plugin-sdk/contract";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Generated } from "@pincer/plugin-sdk/manifest";
import type { Method, MethodCall } from "@pincer/plugin-sdk/method";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { cut, isGone } from "@pincer/plugin-sdk/runtime/gone";
import { healthFrom } from "@pincer/plugin-sdk/runtime/health";
import type { Peer } from "@pincer/plugin-sdk/runtime/peer";
import type { CallFacts, RouteRequest, Started } from "@pincer/plugin-sdk/runtime/process-protocol";
import { type Implementation, Registrations } from "@pincer/plugin-sdk/runtime/registrations";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { type TSchema, Type } from "@sinclair/typebox";
import type { ChildJobs } from "./child-jobs.ts";

/** What is not looked at here: whoever uses it checks it by a schema of his own. */
const unchecked = Type.Unknown();
const { signal: never } = new AbortController();

export function proxies(generated: Generated, { members }: Started, peer: Peer, jobs: ChildJobs): Registrations {
  const registered = new Registrations();
  const ask = (target: string, params: unknown, { signal }: Io = { signal: never }) => peer.call(target, params, { signal });

  for (const [contract, names] of Object.entries(generated.provides ?? {}))
    for (const [name, { version, arity, record }] of Object.entries(names)) {
      const provided = `${contract}/${name}`;
      const own = members[provided] ?? {};
      registered.add("provides", provided, {
        contract: uncheckedContract(contract, version, arity, own),
        record,
        implementation: implementationOf(peer, provided, own),
      });
    }
  for (const [name, declared] of Object.entries(generated.methods ?? {})) {
    const method = methodOf(name, declared, ask);
    registered.add("methods", name, { method, handler: methodHandler(method, peer) });
  }
  for (const [name, { summary, scope, payload, dropIfSlow }] of Object.entries(generated.emits ?? {}))
    registered.add("emits", name, {
      ...{ name, summary, scope },
      ...(dropIfSlow === undefined ? {} : { dropIfSlow }),
      ...lazily({ payload: () => payload }),
    });
  for (const name of generated.listens ?? [])
    registered.add("listens", name, { listener: (payload) => peer.tell("event", { name, payload }) });
  for (const [prefix, { access }] of Object.entries(generated.routes ?? {}))
    registered.add("routes", prefix, { access, handler: (request) => route(peer, prefix, request) });
  for (const [kind, { journal, concurrency, input, result }] of Object.entries(generated.jobs ?? {}))
    registered.add("jobs", kind, {
      kind: {
        kind,
        journal,
        ...(concurrency === undefined ? {} : { concurrency }),
        ...lazily({ input: () => input, result: () => result }),
      },
      handler: (job) => jobs.run(kind, job),
    });
  for (const [id, { kind, order }] of Object.entries(generated.hooks ?? {}))
    registered.add("hooks", id, {
      hook: { id, kind, summary: "", payload: unchecked, result: unchecked },
      order,
      handler: async (payload, io) => ((await ask("hook", { id, payload }, io)) as { readonly answer?: unknown }).answer,
    });
  for (const [name, command] of Object.entries(generated.commands ?? {}))
    registered.add("commands", name, {
      ...{ name, ...command },
      run: async () => {
        throw pluginErrors.PLUGIN_PERMISSION(`the command ${name} does not run here: it is the CLI's`);
      },
    });
  for (const [name, { summary, schema, patch }] of Object.entries(generated.facets ?? {}))
    registered.add("facets", name, { summary, ...lazily({ schema: () => schema }), ...(patch && { patch }) });
  if (generated.state) {
    const [snapshot, restore] = [() => ask("state.snapshot", {}), (state: unknown) => ask("state.restore", { state })];
    registered.add("state", "state", { ...lazily({ schema: () => generated.state }), snapshot, restore });
  }
  if (generated.health) registered.add("health", "health", { check: async () => healthFrom(await ask("health", {})) });
  return registered;
}

/** Each schema is revived when it is first looked at: most never are. */
function lazily<K extends string>(schemas: Readonly<Record<K, () => unknown>>): Readonly<Record<K, TSchema>> {
  const made = {} as Record<K, TSchema>;
  for (const [key, json] of Object.entries(schemas) as [K, () => unknown][]) {
    let revived: TSchema | undefined;
    Object.defineProperty(made, key, { enumerable: true, get: () => (revived ??= reviveSchema(json())) });
  }
  return made;
}

type Provided = Started["members"][string];

function uncheckedContract(id: string, version: number, arity: Contract["arity"], provided: Provided): Contract {
  const all = { params: unchecked, item: unchecked, result: unchecked };
  const members = Object.fromEntries(Object.entries(provided).map(([name, member]) => [name, { ...member, ...all }]));
  return { id, version, arity, record: unchecked, members: members as Members };
}

const implementationOf = (peer: Peer, provided: string, members: Provided): Implementation =>
  Object.fromEntries(
    Object.entries(members).map(([member, { kind }]) => [
      member,
      (params: unknown, io: Io) => peer[kind]("provided", { provided, member, params }, io),
    ]),
  );

type Declared = NonNullable<Generated["methods"]>[string];

function methodOf(
  name: string,
  { summary, scope, dynamic, params, result, accepted, idempotency }: Declared,
  ask: (target: string, params: unknown) => Promise<unknown>,
): Method {
  // The least scope is the manifest's, so that no answer of the process can ask for less.
  const exact = async (given: unknown) => (await ask("scope", { name, params: given })) as never;
  return {
    name,
    summary,
    scope: dynamic ? { least: scope as never, of: exact } : scope,
    ...(idempotency && { idempotency }),
    ...lazily({ params: () => params, result: () => result }),
    ...(accepted && lazily({ accepted: () => accepted })),
  };
}

/** Answers are held to what the manifest says: whoever asked knows the method by that. */
function methodHandler({ name, result, accepted }: Method, peer: Peer) {
  const held = (schema: TSchema, answer: unknown) => {
    requireValid(schema, answer, (how) => pluginErrors.CAPABILITY_RESULT_INVALID(`${name} answered wrongly ${how}`));
    return answer;
  };
  const answered = async (params: unknown, { connection, role, scopes, signal, accepted: tell }: MethodCall) => {
    const call: CallFacts = { connection: { ...connection, caps: [...connection.caps] }, role, scopes };
    if (!accepted) return held(result, await peer.call("method", { name, params, call }, { signal }));
    const answers = peer.stream("method", { name, params, call }, { signal });
    for (;;) {
      const step = await answers.next();
      if (step.done) return held(result, step.value);
      tell(held(accepted, (step.value as { readonly accepted?: unknown } | null)?.accepted));
    }
  };
  return (params: unknown, call: MethodCall) =>
    answered(params, call).catch((error) => {
      throw isGone(error) && peer.isEnd(error) ? cut(error, name) : error;
    });
}

async function route(peer: Peer, prefix: string, request: Request): Promise<Response> {
  const body = request.body ? await request.bytes() : null;
  const asked: RouteRequest = { prefix, method: request.method, url: request.url, headers: [...request.headers], body };
  const items = peer.stream("route", { request: asked }, { signal: request.signal });
  const refused = async (what: string) => {
    await items.return(undefined);
    return pluginErrors.CAPABILITY_RESULT_INVALID(`${prefix} answered with ${what}`);
  };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await items.next();
      if (done) return controller.close();
      const { chunk } = (value ?? {}) as { readonly chunk?: unknown };
      if (!(chunk instanceof Uint8Array)) throw await refused("what is no piece of a body");
      controller.enqueue(chunk);
    },
    cancel: async () => void (await items.return(undefined)),
  });
  const { value } = await items.next();
  const { status, headers } = (value ?? {}) as { readonly status?: number; readonly headers?: [string, string][] };
  const isEmpty = status === 204 || status === 304 || request.method === "HEAD";
  let response: Response;
  try {
    response = new Response(isEmpty ? null : stream, { status: status ?? 0, headers: headers ?? [] });
  } catch (error) {
    throw await refused(`a head that is none: ${errorMessage(error)}`);
  }
  if (isEmpty) await items.return(undefined);
  return response;
}
