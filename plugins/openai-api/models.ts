/** `GET /v1/models`: the agents first, then the models of the providers. */
import { AUTO, hasAuto } from "./auto.ts";
import { longestModel } from "./body.ts";
import type { Caller } from "./caller.ts";
import type { Desk } from "./desk.ts";
import { modelNotFound } from "./failure.ts";
import { modelsList } from "./gateway-methods.ts";

interface Listed {
  readonly id: string;
  readonly object: "model";
  /** Nobody knows when. */
  readonly created: 0;
  readonly owned_by: string;
  readonly permission: readonly never[];
}
const listed = (id: string, owned_by: string): Listed => ({ id, object: "model", created: 0, owned_by, permission: [] });

/** Each under the names by which clients of Pincer, and those made for OpenClaw, ask for it. */
async function models({ ctx }: Desk, signal: AbortSignal): Promise<readonly Listed[]> {
  const [{ agents }, { models: ofProviders }] = await Promise.all([
    ctx.uses.router.agents({}, { signal }),
    ctx.call(modelsList, {}, { signal }),
  ]);
  const ids = ["default", ...agents.map(({ id }) => id).filter((id) => id !== "default")];
  const named = (owner: string) => [listed(owner, owner), ...ids.map((id) => listed(`${owner}/${id}`, owner))];
  const auto = (await hasAuto(ctx, signal)) ? [listed(AUTO, "pincer")] : [];
  return [
    ...named("pincer"),
    ...auto,
    ...ofProviders.map(({ provider, id }) => listed(`${provider}/${id}`, provider)),
    ...named("openclaw"),
  ];
}

export async function listModels(desk: Desk, request: Request, caller: Caller): Promise<Response> {
  caller.require("operator.read");
  return Response.json({ object: "list", data: await models(desk, request.signal) });
}

/** A model that is not among them may be there all the same: long lists are shortened, and servers of one's own may not list any. */
export async function getModel(desk: Desk, request: Request, caller: Caller, id: string): Promise<Response> {
  caller.require("operator.read");
  if (id.length > longestModel) throw modelNotFound(`A model's name has at most ${longestModel} characters, and ${id.length} came.`);
  const known = (await models(desk, request.signal)).find((model) => model.id === id);
  if (known) return Response.json(known);
  if (/^(pincer|openclaw)\b/.test(id)) throw modelNotFound(`The model '${id}' does not exist: there is no such agent.`);
  const { ref, endpoint } = await desk.ctx.uses.llm.resolve({ model: id }, { signal: request.signal });
  return Response.json(listed(ref, endpoint));
}
