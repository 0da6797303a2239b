/** Plan, show, ask, apply: every command that changes what is installed goes this way. */
import type { CommandIo } from "@pincer/plugin-sdk";
import type { Request } from "../engine/plan.ts";
import { askFor } from "./ask.ts";
import { backendOf } from "./backend.ts";
import type { Options } from "./options.ts";
import { shownDone, shownPlan } from "./shown.ts";

export async function carryOut(request: Request, options: Options, typed: string, io: CommandIo): Promise<number> {
  const backend = await backendOf(io);
  const plan = await backend.plan(request);
  const changes = plan.items.filter(({ action }) => action !== "keep");
  if (!io.json) io.print(plan.items.length === 0 ? "there is nothing to do" : shownPlan(plan));
  if (changes.length === 0) {
    if (io.json) io.print(JSON.stringify({ ok: true, plan, done: [] }, null, 2));
    return 0;
  }
  const accepted = await askFor(changes, { yes: options.has("--yes"), accepted: options.values("--accept"), again: `pincer ${typed}` }, io);
  if (!accepted) {
    io.print("nothing was changed");
    return 1;
  }
  const { done } = await backend.apply(request, plan.token, accepted);
  if (io.json) io.print(JSON.stringify({ ok: true, plan, done }, null, 2));
  else {
    io.print("");
    for (const { id, version, action } of done) if (action !== "keep") io.print(shownDone(id, version, action));
    if (!backend.isRunning) io.print("no gateway runs: pincer up starts one with it");
  }
  return 0;
}
