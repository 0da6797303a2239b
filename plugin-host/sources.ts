/** What the bus and the lanes find plugins by. Everything is known from manifests; code is loaded when it is called. */
import { requireValid } from "@pincer/plugin-sdk/check";
import { hasCode } from "@pincer/plugin-sdk/error";
import type { Job } from "@pincer/plugin-sdk/job";
import type { MethodCall } from "@pincer/plugin-sdk/method";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { isFromBefore } from "@pincer/plugin-sdk/removed";
import type { EventSource, MethodSource, ResolvedMethod, RouteSource } from "./bindings.ts";
import type { PluginHostDeps, Reach } from "./deps.ts";
import { type Entered, type Generation, use } from "./generation.ts";

export function methodSource({ table, present, inside }: Reach): MethodSource {
  const resolved = (plugin: string, name: string, { registered }: Generation): ResolvedMethod => {
    const checked = registered.required("methods", name).method;
    const run = (params: unknown, call: MethodCall) => (newest: Generation) => {
      const { method, handler } = newest.registered.required("methods", name);
      if (method === checked) return handler(params, call);
      // The bus checked against the generation that was newest then; a swap has come between.
      const refuse = (how: string) => pluginErrors.CAPABILITY_PARAMS_INVALID(`${name} ${how}`);
      requireValid(method.params, params, refuse);
      return handler(params, call);
    };
    return { method: checked, invoke: (params, call) => inside(plugin, name, run(params, call), call.signal) };
  };
  /** Looking at what a generation registered is no call of it; making it one, when there is none yet, is. */
  const resolve = (plugin: string, name: string): ResolvedMethod | Promise<ResolvedMethod> => {
    const generation = present(plugin);
    return generation ? resolved(plugin, name, generation) : inside(plugin, name, (first) => resolved(plugin, name, first));
  };
  return {
    find(name) {
      const found = table().get("methods", name);
      if (!found) return undefined;
      const { plugin: owner, scope, dynamic = false, idempotency } = found;
      return { name, owner, scope, dynamic, idempotency, resolve: () => resolve(owner, name) };
    },
    names: () => table().all("methods").keys(),
  };
}

export const eventSource = ({ table }: Reach): EventSource => ({
  find(name) {
    const found = table().get("emits", name);
    // Nobody is closed over what a plugin from elsewhere says faster than he reads.
    return found && { name, scope: found.scope, dropIfSlow: found.dropIfSlow === true || !found.isTrusted };
  },
  names: () => table().all("emits").keys(),
});

/** Of an answer of a plugin that nobody trusts, what is passed on: nothing that counts for the whole address, or tells a proxy before it what to serve. */
const passed =
  /^(content-(type|language|disposition|encoding|range|length)|accept-ranges|cache-control|etag|last-modified|expires|vary|location|allow|retry-after|access-control-[a-z-]+|x-(?!accel-|sendfile|lighttpd-|litespeed-|reproxy-)[a-z0-9-]+)$/;
/** What a page of its own may do, as a page of nowhere: it reads and does nothing in the name of the gateway's. */
const confinedPage = "sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads allow-modals";
/** What runs in the page that loads it. */
const runs = /^(script|worker|sharedworker|serviceworker|audioworklet|paintworklet|style|xslt|embed|object)$/;

function confined(handle: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  return async (request) => {
    const { headers } = request;
    // A page of the plugin's own is of nowhere, and so never of the same origin: that is the gateway's, whose policy lets it load from here.
    if (headers.get("sec-fetch-site") === "same-origin" && runs.test(headers.get("sec-fetch-dest") ?? ""))
      return new Response("no page of the gateway runs what this plugin serves", { status: 403 });
    headers.delete("cookie");
    const { status, body, headers: said } = await handle(request);
    const kept = [...said].filter(([name]) => passed.test(name) && name !== "x-content-type-options" && name !== "x-frame-options");
    const policy = [said.get("content-security-policy"), confinedPage].filter(Boolean).join(", ");
    return new Response(body, { status, headers: [...kept, ["content-security-policy", policy], ["x-content-type-options", "nosniff"]] });
  };
}

/** Answers that go on after the handler has returned; they count until their end. */
const streamed = /^(text\/event-stream|application\/(x-ndjson|jsonl|octet-stream)|multipart\/)/i;

export const routeSource = ({ table, inside }: Reach): RouteSource => ({
  match(path) {
    const prefix = table().prefixOf(path);
    const found = prefix === undefined ? undefined : table().get("routes", prefix);
    if (prefix === undefined || !found) return undefined;
    const what = `route ${prefix}`;
    const answer = (request: Request) => async (generation: Generation) => {
      const response = await generation.registered.required("routes", prefix).handler(request);
      const isStreamed = streamed.test(response.headers.get("content-type") ?? "") && response.body !== null;
      return isStreamed ? new Response(untilEnd(response.body!, generation.enter(what)), response) : response;
    };
    const handle = async (request: Request) => inside(found.plugin, what, answer(request), request.signal);
    return { prefix, access: found.access, handle: found.isTrusted ? handle : confined(handle) };
  },
});

function untilEnd(body: ReadableStream<Uint8Array>, leave: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        leave();
        controller.close();
      } catch (error) {
        leave();
        controller.error(error);
      }
    },
    async cancel(reason) {
      leave();
      await reader.cancel(reason);
    },
  });
}

/** A job was accepted: while its plugin cannot be activated it waits, until that was mended, it is cancelled, or its time is up. */
async function entered({ enter, clock, limits }: Reach, plugin: string, what: string, signal: AbortSignal): Promise<Entered> {
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
export function jobKinds(reach: Reach, { home, jobs }: Pick<PluginHostDeps, "home" | "jobs">) {
  const handled = new Map<string, { readonly like: string; readonly handle: Disposable }>();
  const run = async (plugin: string, kind: string, journal: number, job: Job): Promise<unknown> => {
    const what = `job ${kind}`;
    if (isFromBefore(home, plugin, job.admittedAt)) throw pluginErrors.PLUGIN_UNKNOWN(`the ${plugin} that ${job.key} was for was removed`);
    const handle = async (generation: Generation) => {
      const found = generation.registered.get("jobs", kind);
      if (found?.kind.journal !== journal) {
        // A swap came between the lane's choice and this: the job goes back, to the handler that its kind has now.
        const replaced = pluginErrors.PLUGIN_REPLACED(`${kind} is handled by another generation of ${plugin} now`);
        void jobs.restart(job.key, replaced);
        throw replaced;
      }
      generation.jobs.add(job.key);
      return Promise.try(() => found.handler(job)).finally(() => generation.jobs.delete(job.key));
    };
    return use(await entered(reach, plugin, what, job.signal), what, handle, job.signal);
  };
  return function sync(): void {
    const declared = reach.table().all("jobs");
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
