/** Skills for whoever asks over the wire: the same plans as the commands', done at once where they need no yes of their own. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pack } from "@pincer/plugin-kit/archive";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { PlacedSkill, skillPackages } from "@pincer/plugin-sdk/contracts/skill-packages";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { readZip } from "@pincer/registry/archive/zip";
import { isName, isVersion } from "@pincer/registry/name";
import { acceptedBy } from "./commands/shown.ts";
import type { Engine } from "./engine/engine.ts";
import { namesIn, replaceFile } from "./engine/layout.ts";
import { nameOf } from "./engine/lock.ts";
import type { Plan, PlanItem, Request } from "./engine/plan.ts";
import { clientErrors, shownError } from "./errors.ts";
import { contentSha256, unwrapped } from "./sources/contents.ts";

interface SkillPackagesOptions {
  readonly home: string;
  /** In which archives that were sent stay, as long as something that is installed is from one. */
  readonly folder: string;
  open(signal: AbortSignal): Promise<Engine>;
  /** What was sent whole, and is handed out once. Throws `REGISTRY_CLIENT_UPLOAD`. */
  take(uploadId: string, name: string, sha256: string | undefined): Uint8Array;
}

export function createSkillPackages({ home, folder, open, take }: SkillPackagesOptions): ImplementationOf<typeof skillPackages> {
  const told = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      throw shownError(error);
    }
  };

  const done = async (engine: Engine, request: Request, typed: string, signal: AbortSignal): Promise<PlacedSkill> => {
    const plan = await engine.plan(request, signal);
    const [item] = plan.items as [PlanItem];
    requireNoYes(item, plan, typed);
    if (item.action !== "keep") await engine.apply(request, { token: plan.token, accepted: [] }, signal);
    return placed(home, engine, item);
  };

  return {
    install: ({ reference, version }, { signal }) =>
      told(async () => {
        const typed = typedOf(reference, version);
        return done(await open(signal), { do: "install", packages: [typed], kind: "skills" }, `install ${typed}`, signal);
      }),

    installUpload: ({ uploadId, name, sha256 }, { signal }) =>
      told(async () => {
        const bytes = take(uploadId, name, sha256);
        const files = unwrapped(await readZip(whole(bytes)));
        const engine = await open(signal);
        // What was refused last time stays until now, so that somebody can look at it.
        sweep(folder, engine);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        const path = join(folder, `${name}-${contentSha256(files).slice(0, 16)}.tgz`);
        replaceFile(path, pack(files));
        const request: Request = { do: "install", packages: [path], kind: "skills" };
        const [item] = (await engine.plan(request, signal)).items as [PlanItem];
        if (item.id !== name)
          throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`expected the skill ${name}, which was announced, came ${item.id}`);
        return done(engine, request, `install ${path}`, signal);
      }),

    update: ({ name }, { signal }) =>
      told(async () => {
        const engine = await open(signal);
        const skills = Object.entries(engine.packages()).filter(([key, { pinned }]) => nameOf(key).kind === "skills" && !pinned);
        const names = name === undefined ? skills.map(([key]) => nameOf(key).id) : [name];
        const results: (PlacedSkill | { name: string; refused: string })[] = [];
        for (const each of names)
          try {
            results.push(await done(engine, { do: "update", packages: [`skills/${each}`] }, `update ${each}`, signal));
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

function requireNoYes(item: PlanItem, plan: Plan, typed: string): void {
  if (item.needs.length === 0) return;
  const why = item.notices.filter(({ level }) => level === "yes").map(({ text }) => text);
  const how = `look at it, and then: pincer skills ${typed} ${acceptedBy([item])}`;
  throw clientErrors.REGISTRY_CLIENT_CONSENT_NEEDED(
    `${item.id} ${item.to ?? ""} needs a yes to ${item.needs.join(", and to ")}${why.length > 0 ? ` (${why.join("; ")})` : ""}: ${how}`,
    { data: { needs: item.needs, plan: item, token: plan.token } },
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

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function sweep(folder: string, engine: Engine): void {
  const named = Object.values(engine.packages()).flatMap(({ origin, before }) => [origin, ...(before ? [before.origin] : [])]);
  const kept = new Set(named.flatMap((origin) => (origin.from === "archive" ? [origin.at] : [])));
  for (const name of namesIn(folder)) if (!kept.has(join(folder, name))) rmSync(join(folder, name), { force: true });
}
