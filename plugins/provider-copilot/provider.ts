/** The `provider` contract over Copilot's API, which speaks Chat Completions to whoever has a session. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelFailure, ModelInfo, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { apiErrorOf } from "@pincer/plugin-sdk/provider/api-failure";
import { chatParams } from "@pincer/plugin-sdk/provider/chat-request";
import { ChatReader } from "@pincer/plugin-sdk/provider/chat-stream";
import { callBounds, endpointNames, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { ask, type Place, post } from "@pincer/plugin-sdk/provider/post";
import { probed, reaching } from "@pincer/plugin-sdk/provider/reach";
import { conclude, newReading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { CopilotConfig } from "./config.ts";
import { type Access, accessTo, HOME, lackOf, statusOf } from "./endpoints.ts";
import { failureOf } from "./failure.ts";
import { apiHeaders, conversationHeaders } from "./headers.ts";
import { type Listing, listModels, modelInfo } from "./models.ts";
import { createOnce, waitFor } from "./once.ts";
import { accountOf, createSessions, type Session } from "./session.ts";
import { type ThinkingAbility, thinkingParams } from "./thinking.ts";

const API = "copilot-chat";
/** Until the list has said which one it is. */
const DEFAULT_MODEL = "gpt-5-mini";

/** Accounts are few; what was left behind by changed tokens is not kept for ever. */
const MOST_KEPT = 16;

interface Listed {
  readonly at: number;
  readonly listing: Listing;
}

/** Thrown where there is no session; `failure` says why. */
class NoSession extends Error {
  readonly failure: ModelFailure;

  constructor(failure: ModelFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function createCopilotProvider(ctx: ProviderContext<CopilotConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const sessions = createSessions(ctx);
  const reach = reaching(ctx, accessTo, (access, endpoint) => {
    const lack = lackOf(access);
    return lack === undefined ? undefined : `no token for ${endpoint}: ${lack}`;
  });
  const lists = new Map<string, Listed>();
  const listing = createOnce<Listing>();
  /** The vendor's own choice, by endpoint. */
  const defaults = new Map<string, string>();

  const placeOf = ({ settings }: Access, { baseUrl, token }: Session, more: Readonly<Record<string, string>> = {}): Place => ({
    baseUrl,
    key: token,
    headers: { ...apiHeaders(settings.headers), ...more },
  });

  /** A session that is not taken any more, although it should be, is replaced once. */
  const inSession = async <T>(access: Access, signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> => {
    for (let again = true; ; again = false) {
      const opened = await sessions.open(access, signal);
      if ("failure" in opened) throw new NoSession(opened.failure);
      try {
        return await use(opened.session);
      } catch (error) {
        if (apiErrorOf(error).status !== 401) throw error;
        sessions.drop(access, opened.session);
        if (!again) throw error;
      }
    }
  };

  const failureFor = (error: unknown, where: string): ModelFailure =>
    error instanceof NoSession ? error.failure : failureOf(error, where, clock.now());

  const askForList = async (access: Access): Promise<Listing> => {
    const { fetch } = ctx;
    // Others wait for the same: it is bound to nobody's signal, and its deadline is short.
    using watch = watchRequest({ clock, ...listBounds(ctx.config), signal: new AbortController().signal, fetch });
    const found = await inSession(access, watch.signal, (session) => listModels(access.endpoint, placeOf(access, session), watch));
    if (lists.size >= MOST_KEPT) lists.clear();
    lists.set(accountOf(access), { at: clock.now(), listing: found });
    if (found.defaultModel !== undefined) defaults.set(access.endpoint, found.defaultModel);
    return found;
  };
  const list = async (access: Access, refresh: boolean, signal: AbortSignal): Promise<Listing> => {
    const name = accountOf(access);
    const known = lists.get(name);
    if (known && !refresh && clock.now() - known.at < ctx.config.listKeptMs) return known.listing;
    return await waitFor(() => listing(name, () => askForList(access)), signal);
  };

  /** What is known of how the model thinks. The list is asked for once, and a request goes on without it. */
  const abilityOf = async (access: Access, { thinking }: ModelRequest, model: string, signal: AbortSignal): Promise<ThinkingAbility> => {
    if (thinking === undefined || access.settings.models) return {};
    const known = await list(access, false, signal).catch(() => undefined); // silent-ok: what is wrong there the request itself will meet
    return known?.thinking.get(model) ?? {};
  };

  return {
    endpoints: async () => ({
      endpoints: await Promise.all(endpointNames(ctx.config, HOME).map((name) => statusOf(ctx, name, defaults.get(name) ?? DEFAULT_MODEL))),
    }),

    async models({ endpoint, refresh, credential }, { signal }) {
      const names = endpoint === undefined ? endpointNames(ctx.config, HOME) : [endpoint];
      const models = await Promise.all(
        names.map(async (name): Promise<readonly ModelInfo[]> => {
          const access = await accessTo(ctx, name, credential);
          if (!access) return [];
          if (access.settings.models) return access.settings.models.map((id) => modelInfo(name, id));
          return access.missing === undefined ? (await list(access, refresh === true, signal)).models : [];
        }),
      );
      return { models: models.flat() };
    },

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      const where = access.settings.baseUrl ?? access.githubUrl;
      const told = (error: unknown) => failureFor(error, where);
      const asking = { bounds: listBounds(ctx.config), signal, where, what: endpoint, failureOf: told };
      return probed(ctx, asking, (watch) => inSession(access, watch.signal, (session) => ask(watch, placeOf(access, session), "/models")));
    },

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const target = { provider: endpoint, model, api: API, limit: "max_tokens", reasons: false } as const;
      const answer = createAnswer({ provider: endpoint, model, api: API, timestamp: clock.now() });
      const reading = newReading();
      const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage: reading.usage, failure });
      const { access, refused } = await reach(endpoint, request.credential);
      if (!access) return failed(refused);

      const { fetch } = ctx;
      using watch = watchRequest({ clock, ...callBounds(ctx.config), signal, fetch });
      let where = access.githubUrl;
      const ended = () => conclude(answer, reading, watch, where, request.model);
      try {
        if (!watch.ended) {
          // Without a session nothing else is asked either.
          const opened = await sessions.open(access, watch.signal);
          if ("failure" in opened) throw new NoSession(opened.failure);
          where = opened.session.baseUrl;
          const ability = await abilityOf(access, request, model, watch.signal);
          // In one piece the API tells some models' calls apart from their text: a stream holds them together.
          const params = {
            ...chatParams({ ...request, whole: false }, target),
            ...thinkingParams(request.thinking, ability, request.maxOutputTokens ?? null),
          };
          const headers = conversationHeaders(request.messages);
          const response = await inSession(access, watch.signal, (session) =>
            post(watch, placeOf(access, session, headers), "/chat/completions", params),
          );
          yield* readResponse(request, response, watch, new ChatReader(answer, reading));
        }
        return ended();
      } catch (error) {
        return watch.ended === undefined ? failed(failureFor(error, where)) : ended();
      }
    },
  };
}
