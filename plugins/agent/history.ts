/** `chat.history` and what else reads a conversation. */

import type { Entry } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { sessionDefaults } from "@pincer/plugin-sdk/hooks";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { sessionRow } from "@pincer/plugin-sdk/wire/session";
import * as methods from "./methods.ts";
import type { Runs } from "./runs.ts";
import { findSession, type SessionAddress } from "./session-address.ts";
import { thinkingLevel } from "./session-facets.ts";
import { entryIds, runIdOf, runKey, type TurnInput, turnJob, turnLane } from "./turn-input.ts";
import { userMessage } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";
import { wireMessage, wireMessages } from "./wire-message.ts";

const defaultLimit = 200;
const mostPending = 20;
const deltaLimit = 500;
const searchStep = 500;

const cursorOf = (sessionId: string, seq: number) => `${sessionId}.${seq}`;
function readCursor(cursor: string): { readonly sessionId: string; readonly seq: number } | undefined {
  const at = cursor.lastIndexOf(".");
  const seq = Number(cursor.slice(at + 1));
  return at > 0 && Number.isSafeInteger(seq) && seq >= 0 ? { sessionId: cursor.slice(0, at), seq } : undefined;
}

export function registerHistory(agent: AgentContext, runs: Runs): void {
  const { sessions, catalog, lanes, llm, router } = agent.uses;
  const io = { signal: agent.signal };

  /** What holds for sessions that chose nothing. A gateway without any model has a history all the same. */
  const defaultsOf = async (agentId: string) => {
    try {
      const info = await router.agent({ agentId }, io);
      const model = await llm.resolve({ agentId, ...(info.model === undefined ? {} : { model: info.model }) }, io);
      const thinking = thinkingLevel(info.thinking) ?? model.thinkingDefault ?? agent.config.thinking;
      return {
        modelProvider: model.endpoint,
        model: model.id,
        contextTokens: model.contextWindow ?? agent.config.contextTokens,
        thinkingDefault: thinking,
      };
    } catch (error) {
      agent.log.debug("defaults.unresolved", { agentId, error: errorMessage(error) });
      return { modelProvider: null, model: null, contextTokens: null, thinkingDefault: agent.config.thinking };
    }
  };

  agent.hook(sessionDefaults, ({ agentId }) => defaultsOf(agentId));

  const nowIn = async ({ key }: SessionAddress, inputRunIds: readonly string[] | undefined) => {
    const [{ session }, { waiting }, found] = await Promise.all([
      catalog.find({ key }, io),
      lanes.status({ lane: turnLane(key) }, io),
      Promise.all((inputRunIds ?? []).map((runId) => lanes.find({ key: runKey(runId) }, io))),
    ]);
    const newest = runs.ofSession(key).at(-1);
    const turns = waiting.filter(({ kind }) => kind === turnJob.kind);
    const items = turns.slice(0, mostPending).map(({ key: id, input, admittedAt }) => ({
      id,
      runId: runIdOf(id) ?? id,
      message: userMessage(input as TurnInput, agent.config),
      acceptedAt: admittedAt,
      state: "queued" as const,
    }));
    const consumed = (inputRunIds ?? []).flatMap((runId, index) => {
      const state = found[index]?.state;
      return state === undefined || state === "ready" ? [] : [{ runId, consumedByEventId: entryIds.user(runId) }];
    });
    const pending = (inputRunIds ?? []).filter((_runId, index) => found[index]?.state === "ready");
    return {
      ...(session === null ? {} : { sessionInfo: sessionRow(session, agent.clock.now(), {}) }),
      ...(newest === undefined ? {} : { inFlightRun: { runId: newest.identity.runId, text: newest.text, startedAt: newest.startedAt } }),
      pendingInputs: { items, total: turns.length },
      ...(inputRunIds === undefined
        ? {}
        : {
            inputReceipts: [
              ...pending.map((runId) => ({ runId, state: "pending" as const })),
              ...consumed.map((receipt) => ({ ...receipt, state: "consumed" as const })),
            ],
            inputConsumptions: consumed,
          }),
    };
  };

  /** Where an entry stands, and how many of the path are newer; `undefined` when it is not on the path. */
  const placeOf = async (
    key: string,
    messageId: string,
    sessionId?: string,
  ): Promise<{ readonly seq: number; readonly newer: number } | undefined> => {
    let newer = 0;
    for (let before: number | undefined; ; ) {
      const { entries } = await sessions.path(
        {
          key,
          limit: searchStep,
          omitLarge: true,
          ...(before === undefined ? {} : { before }),
          ...(sessionId === undefined ? {} : { sessionId }),
        },
        io,
      );
      const at = entries.findIndex(({ id }) => id === messageId);
      if (at !== -1) return { seq: entries[at]!.seq, newer: newer + entries.length - 1 - at };
      if (entries.length < searchStep) return undefined;
      newer += entries.length;
      before = entries[0]!.seq;
    }
  };

  const pageOf = async (address: SessionAddress, params: ParamsOf<typeof methods.chatHistory>) => {
    const { limit = defaultLimit, messageId, sessionId } = params;
    const earlier = sessionId === undefined || sessionId === address.session?.sessionId ? {} : { sessionId };
    const place = messageId === undefined ? undefined : await placeOf(address.key, messageId, sessionId);
    const offset = place === undefined ? (params.offset ?? 0) : Math.max(0, place.newer - Math.floor(limit / 2));
    // A page behind the newest one needs what is before it, to know where it begins.
    const { entries, total } = await sessions.path({ key: address.key, limit: offset + limit, omitLarge: true, ...earlier }, io);
    const page = entries.slice(Math.max(0, entries.length - offset - limit), entries.length - offset);
    return { page, total, offset, newest: entries.at(-1) };
  };

  const show = (entries: readonly Entry[], { maxChars, maxBytes }: ParamsOf<typeof methods.chatHistory>) =>
    wireMessages(
      entries,
      Math.min(maxChars ?? agent.config.historyChars, agent.config.historyChars),
      Math.min(maxBytes ?? agent.config.historyBytes, agent.config.historyBytes),
    );

  const delta = async (
    address: SessionAddress,
    params: ParamsOf<typeof methods.chatHistory>,
  ): Promise<ResultOf<typeof methods.chatHistory>> => {
    const cursor = readCursor(params.cursor ?? "");
    const sessionId = address.session?.sessionId;
    if (cursor === undefined || sessionId === undefined || cursor.sessionId !== sessionId) return { kind: "reset" };
    const { entries, total } = await sessions.path({ key: address.key, limit: deltaLimit, omitLarge: true }, io);
    const at = entries.findIndex(({ seq }) => seq === cursor.seq);
    if (at === -1 && !(cursor.seq === 0 && total <= deltaLimit)) return { kind: "reset" };
    const messages = show(entries.slice(at + 1), params);
    return {
      kind: "delta",
      messages,
      deltaCursor: cursorOf(sessionId, entries.at(-1)?.seq ?? 0),
      ...(await nowIn(address, params.inputRunIds)),
    };
  };

  const history = async (params: ParamsOf<typeof methods.chatHistory>): Promise<ResultOf<typeof methods.chatHistory>> => {
    const address = await findSession(agent, params.sessionKey, params.agentId);
    if (params.cursor !== undefined) return delta(address, params);
    const [{ page, total, offset, newest }, now, defaults] = await Promise.all([
      pageOf(address, params),
      nowIn(address, params.inputRunIds),
      defaultsOf(address.agentId),
    ]);
    const hasMore = offset + page.length < total;
    const sessionId = params.sessionId ?? address.session?.sessionId;
    return {
      sessionKey: address.key,
      messages: show(page, params),
      hasMore,
      ...(hasMore ? { nextOffset: offset + page.length } : {}),
      totalMessages: total,
      ...(sessionId === undefined ? {} : { sessionId, deltaCursor: cursorOf(sessionId, newest?.seq ?? 0) }),
      defaults,
      thinkingLevel: thinkingLevel(address.session?.facets["thinkingLevel"]) ?? defaults.thinkingDefault,
      ...now,
    };
  };
  agent.method(methods.chatHistory, history);
  agent.method(methods.chatStartup, history);

  agent.method(methods.chatMessageGet, async ({ sessionKey, agentId, messageId, maxChars }) => {
    const { key } = await findSession(agent, sessionKey, agentId);
    const place = await placeOf(key, messageId);
    const { entries } = place === undefined ? { entries: [] } : await sessions.path({ key, limit: 1, before: place.seq + 1 }, io);
    const entry = entries.find(({ id }) => id === messageId);
    return entry === undefined
      ? { ok: false, unavailableReason: "not_found" as const }
      : { ok: true, message: wireMessage(entry, maxChars) };
  });
}
