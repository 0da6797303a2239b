/** What Ollama tells about itself and its models beyond OpenAI's API. */

import type { Fetch } from "@pincer/plugin-sdk/provider/watch";

/** `OLLAMA_HOST` as Ollama itself reads it: host, host:port or an address; bound to every interface means reached on this machine. */
export function ollamaOrigin(host: string | undefined): string {
  const value = host?.trim() || "127.0.0.1:11434";
  const [, scheme, rest = value] = /^(https?):\/\/(.*)$/i.exec(value) ?? [];
  const [, name = "", port] = /^(\[[^\]]*\]|[^:/]*)(?::(\d+))?/.exec(rest) ?? [];
  const reached = name === "" || name === "0.0.0.0" ? "127.0.0.1" : name === "[::]" ? "[::1]" : name;
  const path = rest.replace(/^[^/]*/, "").replace(/\/+$/, "");
  const usual = scheme === undefined ? "11434" : scheme.toLowerCase() === "https" ? "443" : "80";
  return `${(scheme ?? "http").toLowerCase()}://${reached}:${port ?? usual}${path}`;
}

export interface OllamaModel {
  readonly vision: boolean;
  readonly tools: boolean;
  readonly thinking: boolean;
  /** False for models that only make embeddings. */
  readonly answers: boolean;
  /** Its requests are handed on to another's server. */
  readonly remote: boolean;
}

const isOllamaModel = (capabilities: unknown, remote: boolean): OllamaModel => {
  const known = Array.isArray(capabilities) ? capabilities : [];
  return {
    remote,
    vision: known.includes("vision"),
    tools: known.includes("tools"),
    thinking: known.includes("thinking"),
    answers: known.length === 0 || known.includes("completion"),
  };
};

/** `baseUrl` is that of the OpenAI API; Ollama's own stands beside it. Throws when it does not answer. */
export async function describeModel(fetch: Fetch, baseUrl: string, model: string, signal: AbortSignal): Promise<OllamaModel> {
  const response = await fetch(`${baseUrl.replace(/\/v1$/, "")}/api/show`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model }),
    signal,
  });
  const { capabilities, remote_host: host } = (await response.json()) as { capabilities?: unknown; remote_host?: unknown };
  return isOllamaModel(capabilities, Boolean(host) || /[:-]cloud$/.test(model));
}

/** Context lengths of the models that are loaded; that of the others depends on how they will be loaded. */
export async function loadedContexts(fetch: Fetch, baseUrl: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${baseUrl.replace(/\/v1$/, "")}/api/ps`, { signal });
  const { models } = (await response.json()) as { models?: readonly { model?: string; context_length?: number }[] };
  return new Map(
    (models ?? []).flatMap(({ model, context_length: length }) => (model !== undefined && length ? [[model, length] as const] : [])),
  );
}
