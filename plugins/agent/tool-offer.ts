/** Whether a model, or a client, is told of tools in a session: where none could ever run, of none. */
import type { PolicyQuestion } from "@pincer/plugin-sdk/contracts/policy";
import type { AgentContext } from "./uses.ts";

type Where = Pick<PolicyQuestion, "sessionKey" | "agentId" | "owner">;

export async function areToolsOffered({ uses: { policy } }: AgentContext, where: Where, signal: AbortSignal): Promise<boolean> {
  if (policy?.offers === undefined) return where.owner || policy !== undefined;
  return (await policy.offers(where, { signal })).offer;
}
