import { definePlugin } from "@pincer/plugin-sdk";
import { skillCommands, skillsChanged } from "@pincer/plugin-sdk/contracts/skill-commands";
import { skillEnvironment } from "@pincer/plugin-sdk/contracts/skill-environment";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { promptBuilding, sessionEnded, toolCalling, turnEnded } from "@pincer/plugin-sdk/hooks";
import { isSecretReference } from "@pincer/plugin-sdk/sensitive";
import { refusalOf } from "./bound.ts";
import { commandsOf } from "./called.ts";
import { Catalog } from "./catalog.ts";
import { check } from "./commands/check.ts";
import { newSkill } from "./commands/new.ts";
import { status } from "./commands/status.ts";
import { SkillsConfig } from "./config.ts";
import { InUse } from "./in-use.ts";
import { Meaning } from "./meaning.ts";
import { Offer } from "./offer.ts";
import { variablesOf } from "./reading.ts";
import { readTool, searchTool } from "./tools.ts";
import { type SkillsContext, uses } from "./uses.ts";
import { registerWire } from "./wire.ts";

/** Of the second that a hook has, the rest is for choosing. */
const patienceMs = 500;

/** The values themselves where the configuration names secrets that are kept encrypted. */
async function resolved(variables: Readonly<Record<string, unknown>>, ctx: Pick<SkillsContext, "secret">) {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    const known = isSecretReference(value) ? await ctx.secret(value.secret) : String(value);
    if (known === undefined) return { refused: `${name} is not set: its secret is not there; tell the owner` };
    values[name] = known;
  }
  return { variables: values };
}

export default definePlugin({
  config: SkillsConfig,
  uses,

  async setup(ctx) {
    ctx.event(skillsChanged);
    let telling: Disposable | undefined;
    const tell = (reason: "files" | "config") => {
      telling?.[Symbol.dispose]();
      telling = ctx.clock.after(ctx.config.load.watchDebounceMs, () => ctx.emit(skillsChanged, { reason }));
    };
    ctx.onUnload(() => telling?.[Symbol.dispose]());
    ctx.onConfig(() => tell("config"));

    const catalog = new Catalog(ctx, () => tell("files"));
    const inUse = new InUse(ctx.store, ctx.clock);
    const offer = ctx.own(new Offer(new Meaning(ctx), () => inUse.used));
    const view = async (agentId: string) => catalog.view(await ctx.uses.router.agent({ agentId }, { signal: ctx.signal }));
    const parts = { view, offer, inUse };

    ctx.provide(tool, ...searchTool(parts));
    ctx.provide(tool, ...readTool(parts));
    ctx.provide(skillCommands, "skills", {}, commandsOf({ view, inUse, most: () => ctx.config.commands }));
    ctx.provide(
      skillEnvironment,
      "skills",
      {},
      {
        async of({ skill, agentId, runId }) {
          const isUsed = (await inUse.of(runId)).some(({ name }) => name === skill);
          if (!isUsed) return { refused: `the skill ${skill} is not in use: read it first with skills_read` };
          const one = (await view(agentId)).usable.get(skill);
          return one === undefined ? { refused: `the skill ${skill} cannot be used any more` } : resolved(variablesOf(one), ctx);
        },
      },
    );
    registerWire(ctx, catalog);
    for (const { command, run } of [newSkill, check, status]) ctx.command(command, run);

    ctx.hook(promptBuilding, async (prompt, { signal }) => {
      if (prompt.tools?.includes("skills_read") !== true) return prompt;
      const agent = await ctx.uses.router.agent({ agentId: prompt.agentId }, { signal });
      const text = await offer.text(
        await catalog.view(agent, patienceMs),
        prompt.sessionKey,
        prompt.said ?? "",
        ctx.config.promptTokens,
        signal,
      );
      return text === "" ? prompt : { ...prompt, sections: [...prompt.sections, { id: "skills", text }] };
    });
    ctx.hook(toolCalling, async ({ runId, tool: name, arguments: args }) => {
      const reason = refusalOf(await inUse.of(runId), name, args);
      return reason === undefined ? ({ allow: true } as const) : ({ allow: false, reason } as const);
    });
    ctx.hook(turnEnded, async ({ runId }) => {
      await inUse.end(runId);
      return undefined;
    });
    ctx.hook(sessionEnded, ({ sessionKey }) => {
      offer.forget(sessionKey);
      return undefined;
    });
    // A hook has a second, and whoever calls the first one waits for this without it.
    await catalog.ready();
  },
});
