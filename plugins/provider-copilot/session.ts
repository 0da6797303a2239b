/**
 * Sessions at Copilot's API: GitHub's token is exchanged for one that lasts half an hour, which is replaced before it ends, and once for all who
 * wait for it.
 */
import type { ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { readText } from "@pincer/plugin-sdk/provider/body";
import { listBounds, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { httpFailure, networkFailure, waitOf } from "@pincer/plugin-sdk/provider/failure";
import { attempt } from "@pincer/plugin-sdk/provider/reach";
import type { CopilotConfig } from "./config.ts";
import type { Access } from "./endpoints.ts";
import { exchangeHeaders } from "./headers.ts";
import { createOnce, waitFor } from "./once.ts";

export interface Session {
  readonly token: string;
  /** Of Copilot's API for this account. */
  readonly baseUrl: string;
}

type Opened = { readonly session: Session } | { readonly failure: ModelFailure };

interface Sessions {
  /** Rejects only with the signal's own reason. */
  open(access: Access, signal: AbortSignal): Promise<Opened>;
  /** The API does not take it any more: the next one is asked for anew. */
  drop(access: Access, session: Session): void;
}

interface Kept {
  readonly session: Session;
  readonly refreshAt: number;
  readonly endsAt: number;
}

/** As long as it is good after the moment in which the vendor wants it replaced. */
const GRACE_MS = 60_000;
const HOME_API = "https://api.githubcopilot.com";
/** Tokens are few; what was left behind by changed ones is not kept for ever. */
const MOST_KEPT = 16;

/** Whose session, and where: what belongs to one account is of no use to another. */
export const accountOf = ({ endpoint, githubUrl, token, settings }: Access): string =>
  JSON.stringify([endpoint, githubUrl, token, settings.baseUrl, settings.headers]);

interface Reply {
  readonly token?: unknown;
  readonly refresh_in?: unknown;
  readonly expires_at?: unknown;
  readonly endpoints?: { readonly api?: unknown };
  readonly message?: unknown;
  readonly error_details?: { readonly message?: unknown };
}

export function createSessions(ctx: ProviderContext<CopilotConfig>): Sessions {
  const { clock } = ctx;
  const kept = new Map<string, Kept>();
  const opening = createOnce<Opened>();

  const exchange = async (access: Access): Promise<Opened> => {
    const { githubUrl, endpoint, token = "", settings } = access;
    const asking = {
      bounds: listBounds(ctx.config),
      // Others wait for the same: it is bound to nobody's signal, and its deadline is short.
      signal: new AbortController().signal,
      ...{ where: githubUrl, what: endpoint },
      failureOf: (error: unknown) => networkFailure(error, githubUrl),
    };
    return attempt(ctx, asking, async ({ send, seen }): Promise<Opened> => {
      const headers = { accept: "application/json", ...exchangeHeaders(token, settings.headers) };
      const response = await send(`${githubUrl}/copilot_internal/v2/token`, { headers });
      const text = await readText(response, seen);
      const reply = replyIn(text);
      return response.ok ? keep(access, reply) : { failure: refusalOf(response, reply, text, access, clock.now()) };
    });
  };

  const keep = (access: Access, { token, refresh_in: refreshIn, expires_at: expiresAt, endpoints }: Reply): Opened => {
    if (typeof token !== "string" || token === "") {
      return { failure: { class: "network", message: `${access.githubUrl} answered without a token of Copilot's` } };
    }
    const api = access.settings.baseUrl ?? (typeof endpoints?.api === "string" ? endpoints.api : HOME_API);
    const session = { token, baseUrl: api.replace(/\/+$/, "") };
    // For how long it says as well as until when, and our clock may be another than the vendor's.
    const left = typeof expiresAt === "number" ? expiresAt * 1000 - clock.now() - GRACE_MS : 0;
    const refreshAt = clock.now() + (waitOf(typeof refreshIn === "number" ? refreshIn * 1000 : left) ?? 0);
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(accountOf(access), { session, refreshAt, endsAt: refreshAt + GRACE_MS });
    return { session };
  };

  return {
    async open(access, signal) {
      signal.throwIfAborted();
      const name = accountOf(access);
      const exchanged = () => opening(name, () => exchange(access));
      const known = kept.get(name);
      const now = clock.now();
      if (known && now < known.endsAt) {
        if (now >= known.refreshAt) void exchanged();
        return { session: known.session };
      }
      return await waitFor(exchanged, signal);
    },
    drop(access, session) {
      const name = accountOf(access);
      if (kept.get(name)?.session === session) kept.delete(name);
    },
  };
}

function replyIn(text: string): Reply {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    // silent-ok: then the text itself is what it says
    return {};
  }
}

/** A token that GitHub does not take, an account without Copilot, or too many requests: the last is told as forbidden too. */
function refusalOf({ status, headers }: Response, reply: Reply, text: string, { endpoint }: Access, now: number): ModelFailure {
  const said = [reply.error_details?.message, reply.message, text.trim()].find((one) => typeof one === "string" && one !== "");
  const message = typeof said === "string" ? said : `it answered ${status}`;
  const limited = status === 403 && /rate limit/i.test(message);
  // What a token may not see GitHub says is not there.
  const known = limited ? "rate-limit" : status === 404 ? "auth" : undefined;
  const advice = status === 401 || status === 404 ? `; sign in again: pincer models auth login ${endpoint}:<name>` : "";
  return httpFailure(status, `GitHub gives no session for Copilot: ${message}${advice}`, { class: known, headers, now });
}
