/** What the bus and the lanes find plugins by. Everything is known from manifests; code is loaded when it is called. */
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { hasCode } from "@pincer/plugin-sdk/error";
import type { Job } from "@pincer/plugin-sdk/job";
import type { Method, MethodCall } from "@pincer/plugin-sdk/method";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { EventSource, MethodBinding, MethodSource, ResolvedMethod, RouteSource } from "../bus/bindings.ts";
import type { JobTable } from "./deps.ts";
import type { Generation } from "./generation.ts";
import type { PluginLimits } from "./limits.ts";
import type { Entered } from "./plugin.ts";
import type { Table } from "./table.ts";

export interface SourceDeps {
  readonly clock: Clock;
  limits(): PluginLimits;
  table(): Table;
  /** Undefined while the plugin is not active. */
  current(plugin: string): Generation | undefined;
  enter(plugin: string, what: string): Entered | Promise<Entered>;
  inside<T>(plugin: string, what: string, run: (generation: Generation) => T | Promise<T>, signal?: AbortSignal): Promise<T>;
}

const gone = (plugin: string, what: string) =>
  pluginErrors.PLUGIN_REPLACED(`${what} is no more: ${plugin} was replaced by a generation without it`);

export function methodSource({ table, current, inside }: SourceDeps): MethodSource {
  const registered = (generation: Generation, name: string) => {
    const found = generation.registered.get("methods", name);
    if (!found) throw gone(generation.plugin, name);
    return found;
  };
  const invoke = (plugin: string, checked: Method, params: unknown, call: MethodCall) =>
    inside(
      plugin,
      checked.name,
      (generation) => {
        const { method, handler } = registered(generation, checked.name);
        // The bus checked against the generation that was newest then; a swap may have come between.
        return method === checked ? handler(params, call) : requireParams(method, params).then(() => handler(params, call));
      },
      call.signal,
    );
  const resolve = (plugin: string, name: string): ResolvedMethod | Promise<ResolvedMethod> => {
    const resolved = (generation: Generation): ResolvedMethod => {
      const { method } = registered(generation, name);
      return { method, invoke: (params, call) => invoke(plugin, method, params, call) };
    };
    const active = current(plugin);
    return active ? resolved(active) : inside(plugin, name, resolved);
  };
  return {
    find(name): MethodBinding | undefined {
      const found = table().get("methods", name);
      return (
        found && {
          name,
          owner: found.plugin,
          scope: found.scope,
          dynamic: found.dynamic === true,
          idempotency: found.idempotency,
          resolve: () => resolve(found.plugin, name),
        }
      );
    },
    names: () => table().all("methods").keys(),
  };
}

async function requireParams({ name, params }: Method, given: unknown): Promise<void> {
  const check = await checker(params);
  if (!check.Check(given)) throw pluginErrors.CAPABILITY_PARAMS_INVALID(`${name} ${describeMismatch(mismatchOf(check, given))}`);
}

export const eventSource = ({ table }: SourceDeps): EventSource => ({
  find: (name) => {
    const found = table().get("emits", name);
    return found && { name, scope: found.scope, ...(found.dropIfSlow === undefined ? {} : { dropIfSlow: found.dropIfSlow }) };
  },
  names: () => table().all("emits").keys(),
});

export const routeSource = ({ table, enter }: SourceDeps): RouteSource => ({
  match(path) {
    const prefix = table().prefixOf(path);
    const found = prefix === undefined ? undefined : table().get("routes", prefix);
    if (prefix === undefined || !found) return undefined;
    const what = `route ${prefix}`;
    const handle = async (request: Request): Promise<Response> => {
      const { generation, leave } = await enter(found.plugin, what);
      let isStreamed = false;
      try {
        const route = generation.registered.get("routes", prefix);
        if (!route) throw gone(found.plugin, what);
        const response = await route.handler(request);
        isStreamed = streamed.test(response.headers.get("content-type") ?? "") && response.body !== null;
        return isStreamed ? new Response(untilEnd(response.body!, leave), response) : response;
      } catch (error) {
        throw generation.blame(error, what, request.signal);
      } finally {
        if (!isStreamed) leave();
      }
    };
    return { prefix, owner: found.plugin, access: found.access, handle };
  },
});

/** Answers that go on after the handler has returned; they count until their end. */
const streamed = /^(text\/event-stream|application\/(x-ndjson|jsonl|octet-stream)|multipart\/)/i;

function untilEnd(body: ReadableStream<Uint8Array>, leave: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isOver = false;
  const over = () => {
    if (!isOver) leave();
    isOver = true;
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        over();
        controller.close();
      } catch (error) {
        over();
        controller.error(error);
      }
    },
    async cancel(reason) {
      over();
      await reader.cancel(reason);
    },
  });
}

/** A job was accepted: while its plugin cannot be activated it waits, until that was mended, it is cancelled, or its time is up. */
async function activated({ enter, clock, limits }: SourceDeps, plugin: string, what: string, signal: AbortSignal): Promise<Entered> {
  for (;;) {
    try {
      return await enter(plugin, what);
    } catch (error) {
      if (hasCode(error, "PLUGIN_UNKNOWN") || hasCode(error, "PLUGIN_DISABLED")) throw error;
      await clock.sleep(limits().retryFirstMs, signal);
    }
  }
}

/** Keeps the lanes' table of kinds in step with the manifests. A kind that stays is not touched by a swap. */
export function jobKinds(deps: SourceDeps, jobs: JobTable) {
  const handled = new Map<string, { readonly like: string; readonly handle: Disposable }>();
  const run = async (plugin: string, kind: string, journal: number, job: Job): Promise<unknown> => {
    const what = `job ${kind}`;
    const { generation, leave } = await activated(deps, plugin, what, job.signal);
    try {
      const found = generation.registered.get("jobs", kind);
      if (found?.kind.journal !== journal) {
        // A swap came between the lane's choice and this: the job goes back, to the handler that its kind has now.
        void jobs.restart(job.key, gone(plugin, kind));
        throw gone(plugin, kind);
      }
      generation.jobs.add(job.key);
      return await found.handler(job);
    } catch (error) {
      throw generation.blame(error, what, job.signal);
    } finally {
      generation.jobs.delete(job.key);
      leave();
    }
  };
  return function sync(): void {
    const declared = deps.table().all("jobs");
    for (const [kind, { plugin, journal, concurrency }] of declared) {
      const like = JSON.stringify([plugin, journal, concurrency]);
      const before = handled.get(kind);
      if (before?.like === like) continue;
      const limit = concurrency === undefined ? {} : { concurrency };
      handled.set(kind, { like, handle: jobs.handle(kind, { journal, ...limit, run: (job) => run(plugin, kind, journal, job) }) });
      before?.handle[Symbol.dispose]();
    }
    for (const [kind, { handle }] of handled) {
      if (declared.has(kind)) continue;
      handle[Symbol.dispose]();
      handled.delete(kind);
    }
  };
}
