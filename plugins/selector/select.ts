/** The decision: what is private stays local, then the rules in their order, then the tier that the scorer says, then the configured default. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import type { SelectionRequest } from "@pincer/plugin-sdk/contracts/selector";
import { IMAGE_TOKENS, textTokens } from "@pincer/plugin-sdk/provider/estimate";
import type { Selection, Tier } from "@pincer/plugin-sdk/selection";
import { Candidates, isLocal, type Needs } from "./candidates.ts";
import { isBound, isConfigured, type SelectorConfig, type Tiers } from "./config.ts";
import { privacyOf } from "./privacy.ts";
import { applies } from "./rules.ts";
import { type Score, scoreOf } from "./scorer.ts";

interface SelectContext {
  readonly config: SelectorConfig;
  readonly clock: Clock;
  readonly uses: { readonly access: ImplementationOf<typeof modelAccess> };
}

type Taken = Pick<Selection, "by" | "why" | "rule" | "tier"> & { readonly info: ModelInfo };

const order: readonly Tier[] = ["simple", "normal", "hard"];

/** The tier itself, then what is below it, then what is above. */
const nearest = (tier: Tier): readonly Tier[] => {
  const at = order.indexOf(tier);
  return [...order.slice(0, at + 1).toReversed(), ...order.slice(at + 1)];
};

const isSet = (tiers: Tiers): boolean => Object.keys(tiers).length > 0;

/** Without a name for it, a tier other than the middle one is not there. */
const namesOf = (tiers: Tiers, tier: Tier): readonly { readonly tier: Tier; readonly name: string | undefined }[] =>
  isSet(tiers)
    ? nearest(tier).flatMap((one) => (one !== "normal" && tiers[one] === undefined ? [] : [{ tier: one, name: tiers[one] }]))
    : [];

export function createSelect(ctx: SelectContext) {
  const { access } = ctx.uses;

  const localEndpoints = async (io: Io) => {
    const { endpoints } = await access.endpoints({}, io);
    const { local = endpoints.flatMap((one) => (one.local ? [one.endpoint] : [])) } = ctx.config;
    // What answers without any model is the last that anybody means by a local one.
    const usual = endpoints.filter(({ endpoint, offline }) => local.includes(endpoint) && !offline).map(({ endpoint }) => endpoint);
    return { local, usual };
  };

  const scoreFor = (request: SelectionRequest): Score => scoreOf(ctx.config, request);

  /** Why nobody may answer, and what to do. */
  const refusal = (what: string, { passedOver }: Candidates, advice: string): string => {
    const lines = passedOver.map(({ model, why }) => `${model}: ${why}`);
    return `${what}${lines.length === 0 ? "." : ` (${lines.join("; ")}).`} ${advice}`;
  };

  async function select(request: SelectionRequest, io: Io): Promise<Selection | null> {
    const { config } = ctx;
    if (!isConfigured(config) && request.private !== true) return null;
    const { chosen, agentId } = request;
    const why = privacyOf(config, request);
    const isPrivate = why !== undefined;
    if (chosen !== undefined && !isPrivate) return null;

    const own = agentId !== undefined && Object.hasOwn(config.agents, agentId) ? config.agents[agentId] : undefined;
    const { tiers = config.tiers, ceiling = config.ceiling } = own ?? {};
    const { local, usual } = await localEndpoints(io);
    const score = scoreFor(request);
    const needs: Needs = {
      within: isPrivate ? local : undefined,
      local,
      ceiling,
      tokens: (request.tokens ?? 0) + textTokens(request.text) + (request.images === true ? IMAGE_TOKENS : 0),
      images: request.images === true,
      documents: request.documents === true,
      tools: request.tools === true && score.needsTools,
      maxOutputTokens: request.maxOutputTokens,
    };
    const candidates = new Candidates(access, agentId, needs, io);
    const scored = { tier: score.tier, score: score.points, features: [...score.features] };
    const answer = (taken: Omit<Selection, "private" | "passedOver">): Selection => ({
      ...taken,
      private: isPrivate,
      passedOver: candidates.passedOver,
      ...(isPrivate && taken.by !== "chosen" && taken.refused === undefined ? { within: [...local] } : {}),
    });

    if (chosen !== undefined) return ofChoice(chosen, why ?? "", { candidates, local, answer });

    const taken =
      (await byRule(request, isPrivate, candidates)) ??
      (await byScore(tiers, score, candidates)) ??
      (isPrivate ? await byPlace(usual, candidates) : undefined);
    if (taken !== undefined) {
      const { info, ...how } = taken;
      const said = isPrivate ? `private: ${why}; ${how.why}` : how.why;
      return answer({ ...(how.by === "score" ? scored : {}), ...how, model: info.ref, why: said });
    }
    if (isPrivate) {
      const what = `This is private (${why}), and no local model can answer it`;
      const advice =
        "Nothing was sent to any other. Start or add a local model, or name the endpoints that count as one in selector.local.";
      return answer({ by: "none", why: `private: ${why}; no local model can be asked`, refused: refusal(what, candidates, advice) });
    }
    return byDefault(ceiling, candidates, answer, scored);
  }

  /** Somebody named the model: that holds, unless what is private comes before a choice. */
  async function ofChoice(
    { model, by }: NonNullable<SelectionRequest["chosen"]>,
    why: string,
    parts: {
      readonly candidates: Candidates;
      readonly local: readonly string[];
      answer(taken: Omit<Selection, "private" | "passedOver">): Selection;
    },
  ): Promise<Selection> {
    const { candidates, local, answer } = parts;
    const found = await candidates.find(model);
    const named = `the ${by} names ${model}`;
    // Nobody named what stands in for it: that is local in any case, also where the model cannot be found just now.
    const within = [...local];
    if (typeof found !== "string" && isLocal(found, local))
      return { ...answer({ by: "chosen", why: `private: ${why}; ${named}, which is local`, model }), within };
    if (!ctx.config.privacy.overChoice) {
      if (typeof found !== "string") within.push(found.ref);
      return { ...answer({ by: "chosen", why: `private: ${why}; but ${named}, and a choice holds`, model }), within };
    }
    const reason = typeof found === "string" ? found : "which is not local";
    return answer({
      by: "none",
      why: `private: ${why}; ${named}, ${reason}`,
      refused: `This is private (${why}), and ${named}, ${reason}. Nothing was sent. Name a local model, or none (/model default).`,
    });
  }

  async function byRule(request: SelectionRequest, isPrivate: boolean, candidates: Candidates): Promise<Taken | undefined> {
    const situation = { request, isPrivate, hour: new Date(ctx.clock.now()).getHours() };
    for (const [at, { when, use, because }] of ctx.config.rules.entries()) {
      if (!applies(when, situation)) continue;
      const info = await candidates.first([use].flat());
      if (info) return { info, by: "rule", rule: at + 1, why: because === undefined ? `rule ${at + 1}` : `rule ${at + 1}: ${because}` };
    }
    return undefined;
  }

  async function byScore(tiers: Tiers, { points, tier }: Score, candidates: Candidates): Promise<Taken | undefined> {
    const named = namesOf(tiers, tier);
    const info = await candidates.first(named.map(({ name }) => name));
    if (!info) return undefined;
    for (const one of named) {
      const found = await candidates.find(one.name);
      if (typeof found === "string" || found.ref !== info.ref) continue;
      const instead = one.tier === tier ? "" : `; ${one.tier} stands in`;
      return { info, by: "score", tier, why: `${points} points: ${tier}${instead}` };
    }
    return undefined;
  }

  /** The configured default when it is local, else the usual model of a local endpoint. */
  async function byPlace(usual: readonly string[], candidates: Candidates): Promise<Taken | undefined> {
    const info = await candidates.first([undefined, ...usual]);
    return info && { info, by: "local", why: "a local model" };
  }

  async function byDefault(
    ceiling: SelectorConfig["ceiling"],
    candidates: Candidates,
    answer: (taken: Omit<Selection, "private" | "passedOver">) => Selection,
    scored: Partial<Selection>,
  ): Promise<Selection> {
    const info = isBound(ceiling) ? await candidates.first([undefined]) : await candidates.find(undefined);
    if (info !== undefined && typeof info !== "string")
      return answer({ by: "default", why: "no rule and no tier names another", model: info.ref });
    // A default that is not there says so itself when it is asked.
    if (typeof (await candidates.find(undefined)) === "string") return answer({ by: "default", why: "no rule and no tier names another" });
    const advice = "Nothing was sent. Raise selector.ceiling, shorten the conversation (/compact), or name a model (/model).";
    const refused = refusal("No model is under the ceiling", candidates, advice);
    return answer({ ...scored, by: "none", why: "no model is under the ceiling", refused });
  }

  return { select, scoreFor };
}
