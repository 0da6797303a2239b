/** Which handler a path has. */
import { type Caller, callerOf } from "./caller.ts";
import { chatCompletions } from "./chat.ts";
import type { Desk } from "./desk.ts";
import { embeddings } from "./embeddings.ts";
import { ApiFailure, failureOf } from "./failure.ts";
import { getModel, listModels } from "./models.ts";
import type { Responses } from "./responses.ts";

type Handler = (request: Request, caller: Caller, name: string) => Promise<Response>;

/** A path's last part may be a name, which may hold slashes. */
type Paths = readonly (readonly [pattern: RegExp, handlers: Readonly<Record<string, Handler>>])[];

export function createPaths(desk: Desk, responses: Responses) {
  const paths: Paths = [
    [/^\/v1\/chat\/completions$/, { POST: (request, caller) => chatCompletions(desk, request, caller) }],
    [/^\/v1\/embeddings$/, { POST: (request, caller) => embeddings(desk, request, caller) }],
    [/^\/v1\/models$/, { GET: (request, caller) => listModels(desk, request, caller) }],
    [/^\/v1\/models\/(.+)$/, { GET: (request, caller, name) => getModel(desk, request, caller, name) }],
    [/^\/v1\/responses$/, { POST: responses.create }],
    [/^\/v1\/responses\/([^/]+)$/, { GET: responses.retrieve, DELETE: responses.remove }],
    [/^\/v1\/responses\/([^/]+)\/cancel$/, { POST: responses.cancel }],
    [/^\/v1\/responses\/([^/]+)\/input_items$/, { GET: responses.inputItems }],
  ];
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    try {
      for (const [pattern, handlers] of paths) {
        const match = pattern.exec(pathname);
        if (match === null) continue;
        const handler = Object.hasOwn(handlers, request.method) ? handlers[request.method] : undefined;
        if (handler) return await handler(request, callerOf(request.headers), nameOf(match[1] ?? ""));
        const allow = Object.keys(handlers).join(", ");
        throw new ApiFailure("method_not_supported", `${request.method} is not possible at ${pathname}: ${allow} is.`, {
          headers: { allow },
        });
      }
      throw new ApiFailure("unknown_url", `Invalid URL (${request.method} ${pathname})`);
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      return failure.response;
    }
  };
}

function nameOf(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // silent-ok: a name that is not encoded is taken as it is
    return part;
  }
}
