/** Skills for whoever asks over the wire: the same plans as the commands', done at once where they need no yes of their own. */
import { join } from "node:path";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { PlacedSkill, skillPackages } from "@pincer/plugin-sdk/contracts/skill-packages";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isName, isVersion } from "@pincer/registry/name";
import { acceptedBy } from "./commands/shown.ts";
import type { Engine } from "./engine/engine.ts";
import { nameOf } from "./engine/home/lock.ts";
import { changedHere } from "./engine/plan/changed-here.ts";
import type { Plan, PlanItem, Request } from "./engine/plan/plan.ts";
import { clientErrors, told } from "./errors.ts";
import type { Uploads } from "./uploads.ts";

interface SkillPackagesOptions {
  readonly home: string;
  readonly uploads: Pick<Uploads, "whole" | "isForced" | "discard">;
  open(signal: AbortSignal): Promise<Engine>;
}

export function createSkillPackages({ home, uploads, open }: SkillPackagesOptions): ImplementationOf<typeof skillPackages> {
  const done = async (engine: Engine, request: Request, typed: string, force = false, signal: AbortSignal): Promise<PlacedSkill> => {
    const plan = await engine.plan(request, signal);
    const [item] = plan.items as [PlanItem];
    const accepted = force ? [changedHere] : [];
    requireNoYes(item, plan, typed, accepted);
    if (item.action !== "keep") await engine.apply(request, { token: plan.token, accepted }, signal);
    return placed(home, engine, item);
  };

  return {
    install: ({ reference, version, force }, { signal }) =>
      told(async () => {
        const typed = typedOf(reference, version);
        return done(await open(signal), { do: "install", packages: [typed], kind: "skills" }, `install ${typed}`, force, signal);
      }),

    installUpload: ({ uploadId, name, sha256, force }, { signal }) =>
      told(async () => {
        uploads.whole(uploadId, name, sha256);
        const typed = `upload:${uploadId}`;
        const request: Request = { do: "install", packages: [typed], kind: "skills" };
        const isForced = force ?? uploads.isForced(uploadId);
        // What needs a yes stays until it has come, or the hour is over.
        const skill = await done(await open(signal), request, `install ${typed}`, isForced, signal);
        uploads.discard(uploadId);
        return skill;
      }),

    update: ({ name, force }, { signal }) =>
      told(async () => {
        const engine = await open(signal);
        const skills = Object.entries(engine.packages()).filter(([key, { pinned }]) => nameOf(key).kind === "skills" && !pinned);
        const names = name === undefined ? skills.map(([key]) => nameOf(key).id) : [name];
        const results: (PlacedSkill | { name: string; refused: string })[] = [];
        for (const each of names)
          try {
            results.push(await done(engine, { do: "update", packages: [`skills/${each}`] }, `update ${each}`, force, signal));
          } catch (error) {
            signal.throwIfAborted();
            results.push({ name: each, refused: errorMessage(error) });
          }
        return { results };
      }),
  };
}

/** As a command would be given it. */
function typedOf(reference: string, version: string | undefined): string {
  if (version !== undefined && !isVersion(version))
    throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`expected a version such as 1.2.0, came ${JSON.stringify(version.slice(0, 100))}`);
  const ofRegistry = /^registry:(.*)$/.exec(reference)?.[1];
  // Else a client would say with it what only a command may: a folder, an address, npm.
  if (ofRegistry !== undefined && !ofRegistry.split("/").every(isName))
    throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(
      `expected registry:<registry>/<skill>, came ${JSON.stringify(reference.slice(0, 100))}`,
    );
  return `${ofRegistry ?? `clawhub:${reference}`}${version === undefined ? "" : `@${version}`}`;
}

function requireNoYes(item: PlanItem, plan: Plan, typed: string, accepted: readonly string[]): void {
  const needs = item.needs.filter((need) => !accepted.includes(need));
  if (needs.length === 0) return;
  const why = item.notices.filter(({ level, code }) => level === "yes" && !accepted.includes(code)).map(({ text }) => text);
  const how = `look at it, and then: pincer skills ${typed} ${acceptedBy([item])}`;
  const wire = needs.every((need) => need === changedHere) ? ", or with force" : "";
  throw clientErrors.REGISTRY_CLIENT_CONSENT_NEEDED(
    `${item.id} ${item.to ?? ""} needs a yes to ${needs.join(", and to ")}${why.length > 0 ? ` (${why.join("; ")})` : ""}: ${how}${wire}`,
    { data: { needs, plan: item, token: plan.token } },
  );
}

function placed(home: string, engine: Engine, { id, from, action, notices }: PlanItem): PlacedSkill {
  const { version, digest } = engine.packages()[`skills/${id}`]!;
  return {
    ...{ name: id, version, folder: join(home, "skills", id, digest), changed: action !== "keep" },
    ...(from !== undefined && from !== version && { before: from }),
    notices: notices.map(({ text }) => text),
  };
}
