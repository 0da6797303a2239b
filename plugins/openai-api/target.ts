/** What a request's `model` names: an agent, or a provider's model. */
import { badRequest } from "./failure.ts";

export type Target =
  | { readonly kind: "model"; readonly model: string }
  /** Without an id: the default agent. */
  | { readonly kind: "agent"; readonly agentId: string | undefined };

/** `pincer`, `pincer/default`, `pincer/<agent>`, `agent:<agent>`; `openclaw` stands for `pincer` in all of them. */
const agent = /^(?:(?:pincer|openclaw)(?:[/:](.*))?|agent:(.*))$/s;

export function targetOf(model: string, headers: Headers): Target {
  const match = agent.exec(model);
  if (match === null) return { kind: "model", model };
  const named = match[1] ?? match[2];
  const id = named === undefined || named === "default" ? header(headers, "agent-id") : named;
  if (id === "") throw badRequest(`'${model}' names no agent; pincer/default is the one that answers when none is named.`, "model");
  return { kind: "agent", agentId: id };
}

/** Clients of the OpenClaw gateway send `x-openclaw-<name>`; ours is the same with our name. */
export const header = (headers: Headers, name: string): string | undefined =>
  headers.get(`x-pincer-${name}`) ?? headers.get(`x-openclaw-${name}`) ?? undefined;
