/** Skills of others, installed and brought up to date over the wire by whoever provides `skill-packages`. */
import type { HandleOf } from "@pincer/plugin-sdk/contract";
import type { PlacedSkill, skillPackages } from "@pincer/plugin-sdk/contracts/skill-packages";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { skillsErrors } from "./errors.ts";
import type { skillsInstall, skillsUpdate } from "./methods.ts";
import type { SkillsContext } from "./uses.ts";

type Packages = HandleOf<typeof skillPackages> | undefined;
type Sent<M extends typeof skillsInstall | typeof skillsUpdate> = Extract<ParamsOf<M>, { readonly source: string }>;

function there(packages: Packages): NonNullable<Packages> {
  if (packages) return packages;
  throw skillsErrors.SKILLS_ELSEWHERE("no plugin that installs skills is enabled: pincer plugins enable registry-client");
}

/** For all agents: which of them may use it their own lists say. */
export async function installed(
  { uses, clock }: Pick<SkillsContext, "uses" | "clock">,
  params: Sent<typeof skillsInstall>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ResultOf<typeof skillsInstall>> {
  const packages = there(uses.packages);
  const late = new AbortController();
  using _limit = clock.after(timeoutMs, () => late.abort(skillsErrors.SKILLS_ELSEWHERE(`it was not installed within ${timeoutMs} ms`)));
  const io = { signal: AbortSignal.any([signal, late.signal]) };
  const { slug } = params;
  const { name, version, folder, changed, notices } =
    params.source === "clawhub"
      ? await packages.install({ reference: slug, ...(params.version !== undefined && { version: params.version }) }, io)
      : await packages.installUpload(
          { uploadId: params.uploadId, name: slug, ...(params.sha256 !== undefined && { sha256: params.sha256 }) },
          io,
        );
  return {
    ...{ ok: true, message: `${name} ${version} ${changed ? "is installed" : "was installed already"}`, stdout: "", stderr: "", code: 0 },
    ...{ slug: name, version, targetDir: folder },
    ...(notices.length > 0 && { warning: notices.join("; ") }),
  };
}

export async function updated(
  packages: Packages,
  { slug, all }: Sent<typeof skillsUpdate>,
  signal: AbortSignal,
): Promise<ResultOf<typeof skillsUpdate>> {
  if ((slug === undefined) === (all !== true))
    throw skillsErrors.SKILLS_UNKNOWN(`expected either slug, or all: true, came ${slug === undefined ? "neither" : "both"}`);
  const name = slug?.split("/").at(-1);
  const { results } = await there(packages).update(name === undefined ? {} : { name }, { signal });
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
