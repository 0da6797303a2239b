/** Skills of others, installed and brought up to date over the wire by whoever provides `skill-packages`. */
import type { HandleOf } from "@pincer/plugin-sdk/contract";
import type { AgentInfo } from "@pincer/plugin-sdk/contracts/router";
import type { PlacedSkill, skillPackages } from "@pincer/plugin-sdk/contracts/skill-packages";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { within } from "@pincer/plugin-sdk/signal";
import { skillsErrors } from "./errors.ts";
import type { skillsInstall, skillsUpdate } from "./methods.ts";
import type { SkillsContext } from "./uses.ts";

type Packages = HandleOf<typeof skillPackages> | undefined;
type Sent<M extends typeof skillsInstall | typeof skillsUpdate> = Extract<ParamsOf<M>, { readonly source: string }>;

function there(packages: Packages): NonNullable<Packages> {
  if (packages) return packages;
  throw skillsErrors.SKILLS_ELSEWHERE("no plugin that installs skills is enabled: pincer plugins enable registry-client");
}

/** What is installed is there for every agent, and for one alone only where there is no other. Throws `SKILLS_FOR_ALL`, and what the router throws of an unknown one. */
async function requireForAll(
  router: SkillsContext["uses"]["router"],
  agentId: string | undefined,
  signal: AbortSignal,
): Promise<AgentInfo | undefined> {
  if (agentId === undefined) return undefined;
  const agent = await router.agent({ agentId }, { signal });
  const { agents } = await router.agents({}, { signal });
  if (agents.length === 1) return agent;
  const all = agents.map(({ id }) => id).join(", ");
  throw skillsErrors.SKILLS_FOR_ALL(
    `expected no agentId, since a skill is installed for every agent of this gateway (${all}), came ${agentId}; agents.list[].skills says which of them may use it`,
  );
}

export async function installed(
  { uses, clock }: Pick<SkillsContext, "uses" | "clock">,
  params: Sent<typeof skillsInstall>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ResultOf<typeof skillsInstall>> {
  const packages = there(uses.packages);
  const agent = await requireForAll(uses.router, params.agentId, signal);
  const { slug, force } = params;
  const forced = force === undefined ? {} : { force };
  const late = () => skillsErrors.SKILLS_ELSEWHERE(`it was not installed within ${timeoutMs} ms`);
  const { name, version, folder, changed, notices } = await within({ clock, ms: timeoutMs, late, signal }, async (given) =>
    params.source === "clawhub"
      ? packages.install(
          { reference: slug, ...forced, ...(params.version !== undefined && { version: params.version }) },
          { signal: given },
        )
      : packages.installUpload(
          { uploadId: params.uploadId, name: slug, ...forced, ...(params.sha256 !== undefined && { sha256: params.sha256 }) },
          { signal: given },
        ),
  );
  const isListed = agent?.skills === undefined || agent.skills.includes(name);
  const warnings = [...notices, ...(isListed ? [] : [`the agent ${agent.id} may not use it: agents.list[].skills does not name it`])];
  return {
    ...{ ok: true, message: `${name} ${version} ${changed ? "is installed" : "was installed already"}`, stdout: "", stderr: "", code: 0 },
    ...{ slug: name, version, targetDir: folder },
    ...(warnings.length > 0 && { warning: warnings.join("; ") }),
  };
}

export async function updated(
  { packages, router }: Pick<SkillsContext["uses"], "packages" | "router">,
  { slug, all, force, agentId }: Sent<typeof skillsUpdate>,
  signal: AbortSignal,
): Promise<ResultOf<typeof skillsUpdate>> {
  if ((slug === undefined) === (all !== true))
    throw skillsErrors.SKILLS_UNKNOWN(`expected either slug, or all: true, came ${slug === undefined ? "neither" : "both"}`);
  const name = slug?.split("/").at(-1);
  await requireForAll(router, agentId, signal);
  const wanted = { ...(name !== undefined && { name }), ...(force !== undefined && { force }) };
  const { results } = await there(packages).update(wanted, { signal });
  const refused = results.flatMap((one) => ("refused" in one ? [`${one.name}: ${one.refused}`] : []));
  if (refused.length > 0) throw skillsErrors.SKILLS_NOT_UPDATED(refused.join("; "), { data: { results } });
  const placed = results.filter((one): one is PlacedSkill => !("refused" in one));
  return {
    ...{ ok: true, skillKey: slug ?? "*" },
    config: {
      source: "clawhub",
      results: placed.map(({ name: of, version, before = version, changed, folder }) => ({
        ...{ ok: true, slug: of, version, previousVersion: before, changed, targetDir: folder },
      })),
    },
  };
}
