/** Plan, show, ask, apply: every command that changes what is installed goes this way. */
import type { CommandIo } from "@pincer/plugin-sdk";
import type { PlanItem, Request } from "../engine/plan/plan.ts";
import { askFor } from "./ask.ts";
import { type Backend, backendOf } from "./backend.ts";
import type { Options } from "./options.ts";
import { shownDone, shownPlan } from "./shown.ts";

/** As the CLI has it for what somebody ends by Ctrl-C. */
const interrupted = 130;

export async function carryOut(request: Request, options: Options, typed: string, io: CommandIo): Promise<number> {
  const backend = await backendOf(io);
  const plan = await untilInterrupted(backend.plan(request), backend, io);
  if (!plan) return tellInterrupted(io, "nothing was changed");
  const changes = plan.items.filter(({ action }) => action !== "keep");
  const shown = plan.items.length === 0 ? "there is nothing to do" : shownPlan(plan);
  if (changes.length === 0) {
    io.result({ ok: true, plan, done: [] }, shown);
    return 0;
  }
  if (!io.json) io.print(shown);
  const asked = { yes: options.has("--yes"), accepted: options.values("--accept"), again: `pincer ${typed}` };
  const answer = await askFor(changes, asked, io);
  if (answer === "interrupted") return tellInterrupted(io, "nothing was changed");
  if (answer === "no") {
    io.print("nothing was changed");
    return 1;
  }
  const outcome = await untilInterrupted(backend.apply(request, plan.token, answer), backend, io);
  if (!outcome) return tellInterrupted(io, 'what was begun is taken back: "pincer list" shows what is installed');
  const { done } = outcome;
  const lines = done.flatMap(({ id, version, action }) => (action === "keep" ? [] : [shownDone(id, version, action)]));
  io.result({ ok: true, plan, done }, ["", ...lines, ...nextSteps(changes, backend)].join("\n"));
  return 0;
}

/** Undefined when whoever sits there has had enough. What a gateway does for this connection ends with it; what this process does is awaited. */
async function untilInterrupted<T>(work: Promise<T>, { isRunning }: Backend, { signal }: CommandIo): Promise<T | undefined> {
  const interrupted = Promise.withResolvers<undefined>();
  const onAbort = () => interrupted.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  const done = work.catch((error) => {
    if (signal.aborted) return undefined;
    throw error;
  });
  try {
    return await (isRunning ? Promise.race([done, interrupted.promise]) : done);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function tellInterrupted({ result }: CommandIo, what: string): number {
  result({ ok: false, error: { code: "REGISTRY_CLIENT_INTERRUPTED", message: what } }, `interrupted: ${what}`);
  return interrupted;
}

/** What it needs before it is of use. */
function nextSteps(changes: readonly PlanItem[], { isRunning }: Backend): readonly string[] {
  const secrets = changes
    .filter(({ action }) => action === "install" || action === "enable")
    .flatMap(({ permissions }) => permissions.flatMap(({ permission }) => /^secrets ([A-Z0-9_]+)$/.exec(permission)?.[1] ?? []));
  const steps = [...(isRunning ? [] : ["pincer up"]), ...secrets.map((name) => `pincer secrets set ${name}`)];
  return steps.map((step, index) => `${index === 0 ? "next" : "    "}  ${step}`);
}
