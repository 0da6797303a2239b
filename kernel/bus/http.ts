/** Plain HTTP on the same port (`protocol` section 7): the health routes, and the way to a plugin's routes. */
import type { Server } from "bun";
import type { Door, RequestDecision } from "../access/decision.ts";
import type { BusContext } from "./context.ts";
import { toldOf } from "./fault.ts";
import type { BusSettings } from "./settings.ts";

/** Who asks, for the handlers of `token` routes. Never taken from outside. */
const principalHeader = "x-pincer-principal";
const scopesHeader = "x-pincer-scopes";

export const refuseHost = (door: Door): Response =>
  failure(403, "forbidden", `Host ${JSON.stringify(door.headers.host ?? "")} is not one of this gateway's names; add it to gateway.hosts`);

export const failure = (status: number, type: string, message: string, headers: Record<string, string> = {}): Response =>
  Response.json({ error: { message, type } }, { status, headers });

export function createHttp({ access, plugins, store, stability, settings, log, phase, uptimeMs }: BusContext) {
  const health = async (path: string, door: Door): Promise<Response> => {
    if (path === "/health" || path === "/healthz") return Response.json({ ok: true, status: "live" });
    const started = phase() === "ready";
    if (path === "/startupz") return Response.json({ started }, { status: started ? 200 : 503 });
    const broken = store.failure() === undefined ? [] : ["store"];
    const failing = started ? broken : [phase()];
    const ready = failing.length === 0;
    const isKnown = door.directLoopback || (door.headers.authorization !== undefined && (await access.request(door)).ok);
    const detail = isKnown && { failing, uptimeMs: uptimeMs(), eventLoop: stability.eventLoop() };
    return Response.json({ ready, ...detail }, { status: ready ? 200 : 503 });
  };

  const route = async (request: Request, path: string, door: Door, server: Server<unknown>): Promise<Response> => {
    if (phase() !== "ready") return failure(503, "api_error", "gateway starting", { "retry-after": "1" });
    const binding = plugins.routes.match(path);
    if (!binding) return failure(404, "invalid_request_error", `nothing is served at ${path}`);
    request.headers.delete(principalHeader);
    request.headers.delete(scopesHeader);
    if (binding.access === "token") {
      const decision = await access.request(door);
      if (!decision.ok) return refuse(decision);
      // What proved it is the gateway's to know.
      for (const name of ["authorization", "cookie"]) request.headers.delete(name);
      request.headers.set(principalHeader, decision.principal);
      request.headers.set(scopesHeader, decision.scopes.join(","));
    }
    // What has been let in may be silent as long as it takes.
    server.timeout(request, 0);
    try {
      return await binding.handle(request);
    } catch (error) {
      const { message, details } = toldOf(error, log, `${request.method} ${binding.prefix}`);
      return Response.json({ error: { message, type: "api_error", details } }, { status: 500 });
    }
  };

  return async (request: Request, door: Door, server: Server<unknown>): Promise<Response> => {
    // The parsed path has no dot segments left, so that a handler cannot see another path than the one that was matched.
    const path = URL.parse(request.url)?.pathname;
    if (path === undefined) return failure(400, "invalid_request_error", "the request's target is not a path");
    if (!healthPaths.has(path)) return secured(await route(request, path, door, server), settings());
    const answer = request.method === "GET" || request.method === "HEAD" ? await health(path, door) : wrongVerb();
    answer.headers.set("cache-control", "no-store");
    return secured(answer, settings());
  };
}

const healthPaths: ReadonlySet<string> = new Set(["/health", "/healthz", "/ready", "/readyz", "/startupz"]);

const wrongVerb = () => new Response("Method Not Allowed", { status: 405, headers: { allow: "GET, HEAD", "content-type": "text/plain" } });

function refuse({ status, message = "", retryAfterMs = 1_000 }: RequestDecision & { readonly ok: false }): Response {
  if (status === 401) return failure(401, "unauthorized", "Unauthorized");
  if (status === 503) return failure(503, "api_error", message, { "retry-after": "1" });
  if (status === 403) return failure(403, "forbidden", "Forbidden");
  return failure(429, "rate_limited", "Too many attempts", { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) });
}

const secureHeaders = Object.entries({ "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer" });

/** A handler that sets one of these headers itself knows better. */
function secured(response: Response, { tls }: BusSettings): Response {
  const { headers } = response;
  for (const [name, value] of secureHeaders) if (!headers.has(name)) headers.set(name, value);
  if (tls && !headers.has("strict-transport-security")) headers.set("strict-transport-security", "max-age=31536000");
  return response;
}
