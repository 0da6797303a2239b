/** The platform's HTTP API, and what its answers mean in the codes that delivery acts on. Replace this file by the client of your platform. */
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";

export interface Update {
  readonly id: string;
  readonly room: string;
  readonly from: string;
  readonly text: string;
  readonly direct: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface PlatformDeps {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  baseUrl(): string;
  token(): Promise<string>;
}

/** Throws for a status that is no success. Nothing was sent then. */
function requireOk(response: Response): Response {
  const { ok, status, headers } = response;
  if (ok) return response;
  if (status === 401) throw channelErrors.CHANNEL_LOGIN_REQUIRED("the platform does not accept the token");
  if (status === 429) throw channelErrors.CHANNEL_RATE_LIMITED(undefined, { retryAfterMs: Number(headers.get("retry-after") ?? 1) * 1000 });
  if (status >= 500) throw channelErrors.CHANNEL_UNAVAILABLE(`the platform answered with ${status}`);
  throw channelErrors.CHANNEL_REJECTED(`the platform answered with ${status}`);
}

const isRefused = (error: unknown): boolean => (error as { code?: unknown }).code === "ConnectionRefused";

export function createPlatform({ fetch, baseUrl, token }: PlatformDeps) {
  const request = async (path: string, init: RequestInit) =>
    fetch(`${baseUrl()}${path}`, { ...init, headers: { authorization: `Bearer ${await token()}`, "content-type": "application/json" } });

  return {
    async me(signal: AbortSignal): Promise<{ readonly name: string }> {
      return (await requireOk(await request("/me", { signal })).json()) as { name: string };
    },

    /** Waits until there is something after that id. */
    async updates(after: string, signal: AbortSignal): Promise<readonly Update[]> {
      return (await requireOk(await request(`/updates?after=${after}`, { signal })).json()) as Update[];
    },

    async post(message: { readonly room: string; readonly text: string; readonly replyTo: string | undefined }, signal: AbortSignal) {
      let response: Response;
      try {
        response = await request("/messages", { method: "POST", body: JSON.stringify(message), signal });
      } catch (error) {
        // A connection that never was sent nothing. One that broke may have: nobody can say.
        if (isRefused(error)) throw channelErrors.CHANNEL_UNAVAILABLE(undefined, { cause: error });
        throw channelErrors.CHANNEL_UNCERTAIN("the connection broke before the platform answered", { cause: error });
      }
      requireOk(response);
      try {
        const { id } = (await response.json()) as { readonly id: string };
        return { messageId: id };
      } catch (error) {
        throw channelErrors.CHANNEL_UNCERTAIN("the platform's answer broke off", { cause: error });
      }
    },
  };
}
