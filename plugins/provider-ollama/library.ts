/** What a server says of its models: which there are, what each can do, and how much context it has. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { askJson, postJson } from "@pincer/plugin-sdk/provider/post";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import type { Access } from "./endpoints.ts";

export interface OllamaModel {
  /** As people write it: without the tag that is meant when none is named. */
  readonly id: string;
  /** False for models that only make embeddings. */
  readonly answers: boolean;
  readonly vision: boolean;
  readonly tools: boolean;
  readonly thinking: boolean;
  /** Thinks always, and is told only how much. */
  readonly alwaysThinks: boolean;
  /** Runs elsewhere, in full length. */
  readonly isRemote: boolean;
  /** The most that it can have; null: not known. */
  readonly longestContext: number | null;
  /** What its Modelfile sets. */
  readonly ownContext: number | undefined;
  /** What it is loaded with. */
  readonly loadedContext: number | undefined;
}

type Json = Readonly<Record<string, unknown>>;
type Described = Omit<OllamaModel, "id" | "loadedContext">;

export const plainName = (name: string): string => name.replace(/:latest$/, "");

const recordsIn = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.filter((one): one is Json => typeof one === "object" && one !== null) : [];
const countIn = (value: unknown): number | undefined => (Number.isInteger(value) && (value as number) > 0 ? (value as number) : undefined);

function describe(name: string, shown: Json): Described {
  const known: readonly unknown[] = Array.isArray(shown["capabilities"]) ? shown["capabilities"] : [];
  const info = (shown["model_info"] ?? {}) as Json;
  const { family } = (shown["details"] ?? {}) as { readonly family?: unknown };
  const length = countIn(info[`${info["general.architecture"]}.context_length`]);
  const [, own] = /^num_ctx\s+(\d+)\s*$/m.exec(String(shown["parameters"] ?? "")) ?? [];
  return {
    // An old server does not say.
    answers: known.length === 0 || known.includes("completion"),
    vision: known.includes("vision"),
    tools: known.includes("tools"),
    thinking: known.includes("thinking"),
    alwaysThinks: /^gpt-?oss/.test(String(family ?? "")) || /(^|\/)gpt-oss\b/.test(name),
    isRemote: (typeof shown["remote_host"] === "string" && shown["remote_host"] !== "") || /[:-]cloud$/.test(name),
    longestContext: length ?? null,
    ownContext: countIn(Number(own)),
  };
}

/** Each model costs a request; no machine has so many. */
const MOST_DESCRIBED = 500;

export type Library = ReadonlyMap<string, OllamaModel>;

/** Keeps what was said of a model until it is another one of the same name. */
export function createLibrary() {
  const kept = new Map<string, Promise<Described>>();

  const describedAs = (access: Access, name: string, digest: unknown, watch: Watch): Promise<Described> => {
    const key = JSON.stringify([access.baseUrl, name, digest]);
    const known = kept.get(key);
    if (known) return known;
    if (kept.size > 1000) kept.clear();
    const asked = postJson(watch, access, "/api/show", { model: name }).then((shown) => describe(name, shown as Json));
    kept.set(key, asked);
    asked.catch(() => kept.delete(key)); // silent-ok: who asked is told by the promise itself
    return asked;
  };

  /**
   * Throws when the server does not answer, or answers something else. `quick` is for finding out whether it is there; describing its models
   * may take a small machine a while.
   */
  return async (access: Access, quick: Watch, patient: Watch): Promise<Library> => {
    const list = async (path: string) => ((await askJson(quick, access, path)) as Json)["models"];
    const [tags, running] = await Promise.all([list("/api/tags"), list("/api/ps").catch(() => [])]); // silent-ok: a service without machines of its own has nothing loaded
    const loaded = new Map(recordsIn(running).map((one) => [one["model"] ?? one["name"], countIn(one["context_length"])]));
    const named = recordsIn(tags).flatMap((tag) => {
      const name = tag["model"] ?? tag["name"];
      return typeof name === "string" && name !== "" ? [{ name, digest: tag["digest"] }] : [];
    });
    const entries = named.slice(0, MOST_DESCRIBED);
    const described = await Promise.allSettled(
      entries.map(async ({ name, digest }): Promise<OllamaModel> => {
        const found = await describedAs(access, name, digest, patient);
        return { ...found, id: plainName(name), loadedContext: loaded.get(name) };
      }),
    );
    // One that its server cannot describe, such as half a model, does not hide the others.
    const [broken] = described.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    const models = described.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (models.length === 0 && broken !== undefined) throw broken;
    return new Map(models.map((model) => [model.id, model]));
  };
}

/**
 * With how much context a model is asked for, so that a long conversation is not cut: the server by itself takes as little as 4096 tokens.
 * `undefined`: what it takes by itself is right. A model that is loaded with more is not loaded again with less.
 */
export function contextOf(model: OllamaModel, wanted: number): { readonly ask: number | undefined; readonly has: number | null } {
  const { longestContext, ownContext, loadedContext = 0, isRemote } = model;
  if (isRemote) return { ask: undefined, has: longestContext };
  if (ownContext !== undefined) return { ask: undefined, has: ownContext };
  const length = Math.min(longestContext ?? Number.POSITIVE_INFINITY, Math.max(wanted, loadedContext));
  return { ask: length, has: length };
}

export function infoOf(endpoint: string, model: OllamaModel, wanted: number): ModelInfo {
  const { id, thinking: reasoning, vision, tools } = model;
  return {
    ref: `${endpoint}/${id}`,
    endpoint,
    id,
    name: id,
    ...(model.isRemote ? { local: false } : {}),
    contextWindow: contextOf(model, wanted).has,
    maxOutputTokens: null,
    ...{ reasoning, vision, tools },
    continues: true,
    // On a machine of the operator's own; what is handed on to the vendor's cloud is paid for there.
    price: model.isRemote ? null : { input: 0, output: 0 },
  };
}
