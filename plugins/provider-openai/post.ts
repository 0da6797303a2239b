/** Requests to an endpoint. By ourselves: of a request's way through the gateway, the one through the vendor's library was the longest part. */
import type { Fetch } from "@pincer/plugin-sdk/provider/watch";
import type { Access } from "./endpoints.ts";

/** The answer, whose body has not been read. Throws what the server says instead, with its status. */
export async function ask(fetch: Fetch, access: Access, path: string, signal: AbortSignal, init: RequestInit = {}): Promise<Response> {
  const { baseUrl, key, settings } = access;
  const headers: Record<string, string> = { accept: "application/json" };
  if (init.body !== undefined) headers["content-type"] = "application/json";
  if (key !== undefined) headers["authorization"] = `Bearer ${key}`;
  for (const name in settings.headers) headers[name.toLowerCase()] = settings.headers[name] as string;
  const response = await fetch(`${baseUrl}${path}`, { ...init, headers, signal });
  if (response.ok) return response;
  throw refusalOf(response, await response.text());
}

export const post = (fetch: Fetch, access: Access, path: string, params: object, signal: AbortSignal): Promise<Response> =>
  ask(fetch, access, path, signal, { method: "POST", body: JSON.stringify(params) });

interface Told {
  readonly message?: unknown;
  readonly code?: string | number | null;
  readonly param?: string | null;
}

function refusalOf({ status, headers }: Response, text: string): Error {
  const error = toldIn(text);
  const message = typeof error?.message === "string" ? error.message : text || `it answered ${status}`;
  return Object.assign(new Error(message), { status, headers, error: { ...error, message }, code: error?.code, param: error?.param });
}

/** Servers tell it in an object, in a bare word, or in no JSON at all. */
function toldIn(text: string): Told | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: Told | string };
    return typeof error === "string" ? { message: error } : (error ?? undefined);
  } catch {
    // silent-ok: then the text itself is what it says
    return undefined;
  }
}
