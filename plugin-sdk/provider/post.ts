/** Requests to an endpoint. By ourselves: of a request's way through the gateway, the one through the vendor's library was the longest part. */
import { apiError, type Told } from "./api-failure.ts";
import { readJson, readText } from "./body.ts";
import type { Watch } from "./watch.ts";

/** What of its watch a request needs. */
type Asking = Pick<Watch, "send" | "seen">;

/** Where requests go, and with what. */
export interface Place {
  readonly baseUrl: string;
  readonly key: string | undefined;
  /** By name; over those that every request has. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** The answer, whose body has not been read. Throws what the server says instead, with its status. */
export async function ask({ send, seen }: Asking, place: Place, path: string, init: RequestInit = {}): Promise<Response> {
  const { baseUrl, key } = place;
  const headers: Record<string, string> = { accept: "application/json" };
  if (typeof init.body === "string") headers["content-type"] = "application/json";
  if (key !== undefined) headers["authorization"] = `Bearer ${key}`;
  for (const name in place.headers) headers[name.toLowerCase()] = place.headers[name] as string;
  const response = await send(`${baseUrl}${path}`, { ...init, headers });
  if (response.ok) return response;
  throw refusalOf(response, await readText(response, seen));
}

export const post = (watch: Asking, place: Place, path: string, params: object): Promise<Response> =>
  ask(watch, place, path, { method: "POST", body: JSON.stringify(params) });

/** The same, read to its end. */
export const askJson = async (watch: Asking, place: Place, path: string, init?: RequestInit): Promise<unknown> =>
  readJson(await ask(watch, place, path, init), watch.seen);
export const postJson = async (watch: Asking, place: Place, path: string, params: object): Promise<unknown> =>
  readJson(await post(watch, place, path, params), watch.seen);

/** Servers tell it in an object, in a bare word, or in no JSON at all. */
function refusalOf({ status, headers }: Response, text: string): Error {
  const told = toldIn(text);
  const message = typeof told?.message === "string" ? told.message : text || `it answered ${status}`;
  return apiError({ ...told, message }, { status, headers });
}

function toldIn(text: string): Told | undefined {
  try {
    const { error, ...beside } = JSON.parse(text) as { readonly error?: Told | string };
    return typeof error === "string" ? { ...beside, message: error } : (error ?? undefined);
  } catch {
    // silent-ok: then the text itself is what it says
    return undefined;
  }
}
