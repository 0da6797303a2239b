/** Who does it: the gateway, when one runs, so that nothing has to be started again; else this very process, on the folder. */

import type { CommandIo } from "@pincer/plugin-sdk";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { Engine } from "../engine/engine.ts";
import type { Outcome, Plan, Request } from "../engine/plan/plan.ts";
import type { Info, Reasons } from "../engine/questions.ts";
import { type Searched, usualHits } from "../engine/search.ts";
import type { Progress } from "../engine/surroundings.ts";
import { told } from "../errors.ts";
import { type Installed, listed } from "../installed.ts";

export interface Backend {
  readonly isRunning: boolean;
  plan(request: Request): Promise<Plan>;
  apply(request: Request, token: string, accepted: readonly string[]): Promise<Outcome>;
  list(): Promise<readonly Installed[]>;
  info(typed: string): Promise<Info>;
  search(query: string): Promise<Searched>;
  why(typed: string): Promise<Reasons>;
  pin(typed: string, pinned: boolean): Promise<{ readonly id: string; readonly version: string }>;
}

export const isNotRunning = (error: unknown): boolean => (error as { readonly code?: unknown }).code === "CLI_NOT_RUNNING";

export async function backendOf(io: CommandIo): Promise<Backend> {
  try {
    await io.call("health");
    const tell = shown(io);
    await io.on("registry-client.progressed", (progress) => tell(progress as Progress));
    return ofGateway(io);
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    const { engineOfHome } = await import("../home.ts");
    return ofHome(await engineOfHome(io.home, shown(io), io.signal), io);
  }
}

const ofGateway = ({ call }: CommandIo): Backend => ({
  isRunning: true,
  plan: (request) => call("registry-client.plan", { request }) as Promise<Plan>,
  apply: (request, token, accepted) => call("registry-client.apply", { request, token, accepted }) as Promise<Outcome>,
  list: async () => ((await call("registry-client.list", {})) as { readonly packages: readonly Installed[] }).packages,
  info: (typed) => call("registry-client.info", { package: typed }) as Promise<Info>,
  search: (query) => call("registry-client.search", { query }) as Promise<Searched>,
  why: (typed) => call("registry-client.why", { package: typed }) as Promise<Reasons>,
  pin: (typed, pinned) => call("registry-client.pin", { package: typed, pinned }) as ReturnType<Backend["pin"]>,
});

function ofHome(engine: Engine, { home, signal }: CommandIo): Backend {
  return {
    isRunning: false,
    plan: (request) => told(() => engine.plan(request, signal)),
    apply: (request, token, accepted) => told(() => engine.apply(request, { token, accepted }, signal)),
    list: () => told(() => listed(home, engine)),
    info: (typed) => told(() => engine.info(typed, undefined, signal)),
    search: (query) => told(() => engine.search(query, usualHits, signal)),
    why: (typed) => told(() => engine.why(typed, signal)),
    pin: (typed, pinned) => told(() => engine.pin(typed, pinned, signal)),
  };
}

/** For a person who waits: what comes, and each package of others as it arrives. What else an installer says is of no use to them. */
const shown =
  ({ json }: CommandIo) =>
  ({ id, step, detail = "" }: Progress): void => {
    if (step === "waiting" && !json) return void process.stderr.write(`${plainly(`waits for ${detail}`)}\n`);
    const comes = step === "fetching" || (step === "dependencies" && /^\S+ \d+\.\d\S*$/.test(detail));
    if (!json && process.stderr.isTTY && comes) process.stderr.write(`${plainly(`${id}: fetching ${detail}`.trimEnd())}\n`);
  };
