/** The methods of the wire about skills. */
import { parseKey } from "@pincer/plugin-sdk/session-key";
import type { Catalog, ListedSkill } from "./catalog.ts";
import { changeEntry } from "./entry.ts";
import { skillsErrors } from "./errors.ts";
import { getProgram } from "./get-program.ts";
import { installerText } from "./installers.ts";
import * as methods from "./methods.ts";
import { installed, updated } from "./packages.ts";
import { variablesOf } from "./reading.ts";
import { managedRoot, wireSources } from "./roots.ts";
import type { SkillsContext } from "./uses.ts";

const noRequirements = { bins: [], anyBins: [], env: [], config: [] };

function statusOf(one: ListedSkill) {
  const { name, root, folder, file, key, skill, missing, reasons, isDisabled, isLeftOut } = one;
  const { requires = noRequirements, os = [], install = [], always = false, emoji, homepage, primaryEnv } = skill?.runtime ?? {};
  return {
    name,
    description: skill?.description ?? "",
    source: wireSources[root.source],
    bundled: root.source === "bundled",
    filePath: file,
    baseDir: folder,
    skillKey: key,
    ...(primaryEnv === undefined ? {} : { primaryEnv }),
    ...(emoji === undefined ? {} : { emoji }),
    ...(homepage === undefined ? {} : { homepage }),
    always,
    disabled: isDisabled,
    blockedByAllowlist: isLeftOut,
    eligible: reasons.length === 0,
    userInvocable: skill?.userInvocable ?? false,
    modelInvocable: skill?.modelInvocable ?? false,
    requirements: { ...lists(requires), os: [...os] },
    missing: { ...lists(missing), os: [...missing.os] },
    configChecks: requires.config.map((path) => ({ path, satisfied: !missing.config.includes(path) })),
    install: install
      .filter((installer) => installer.os.length === 0 || installer.os.some((system) => system === process.platform))
      .map((installer) => ({
        id: installer.id,
        kind: installer.kind,
        label: installer.label,
        bins: [...installer.bins],
        command: installerText(installer),
      })),
    reasons: [...reasons],
    variables: skill === undefined ? [] : Object.keys(variablesOf({ ...one, skill })),
  };
}

const lists = ({ bins, anyBins, env, config }: Pick<ListedSkill["missing"], "bins" | "anyBins" | "env" | "config">) => ({
  ...{ bins: [...bins], anyBins: [...anyBins] },
  ...{ env: [...env], config: [...config] },
});

export function registerWire(ctx: SkillsContext, catalog: Catalog): void {
  const { router } = ctx.uses;

  const viewOf = async (agentId: string | undefined, signal: AbortSignal) => {
    const agent = await router.agent(agentId === undefined ? {} : { agentId }, { signal });
    return catalog.view(agent);
  };

  ctx.method(methods.skillsStatus, async ({ agentId, sessionKey }, { signal }) => {
    const { agent: main } = await viewOf(undefined, signal);
    const asked = agentId ?? (sessionKey === undefined ? undefined : parseKey(sessionKey, main.id).agentId);
    const { agent, all } = await viewOf(asked, signal);
    return { workspaceDir: agent.workspace, managedSkillsDir: managedRoot(ctx.home), agentId: agent.id, skills: all.map(statusOf) };
  });

  ctx.method(methods.skillsBins, async (_params, { signal }) => {
    const { agents } = await router.agents({}, { signal });
    const views = await Promise.all(agents.map((agent) => catalog.view(agent)));
    const requires = views.flatMap(({ usable }) => [...usable.values()].map(({ skill }) => skill.runtime.requires));
    return { bins: [...new Set(requires.flatMap(({ bins, anyBins }) => [...bins, ...anyBins]))].sort() };
  });

  ctx.method(methods.skillsUpdate, async (params, { signal }) => {
    if (!("skillKey" in params)) return catalog.changing(() => updated(ctx.uses, params, signal));
    return changeEntry(ctx, params, signal);
  });

  ctx.method(methods.skillsInstall, async (params, { signal }) => {
    const { agentId, timeoutMs = ctx.config.installTimeoutMs } = params;
    if (!("installId" in params)) return catalog.changing(() => installed(ctx, params, timeoutMs, signal));
    const { all } = await viewOf(agentId, signal);
    const { name, installId } = params;
    const skill = all.find((one) => one.name === name)?.skill;
    if (skill === undefined)
      throw skillsErrors.SKILLS_UNKNOWN(`expected the name of a skill, came ${JSON.stringify(name)}; pincer skills status shows them`);
    const installer = skill.runtime.install.find(({ id }) => id === installId);
    if (installer === undefined) {
      const known = skill.runtime.install.map(({ id }) => id).join(", ") || "none";
      throw skillsErrors.SKILLS_INSTALLER(`${name} knows no installer ${JSON.stringify(installId)}; it knows: ${known}`);
    }
    return getProgram(ctx, catalog, { name, installer, timeoutMs }, signal);
  });
}
