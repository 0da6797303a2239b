/** What a chat offers: commands, tools, models. */
import type { Access } from "@pincer/plugin-sdk/contracts/tool";
import { hasCode } from "@pincer/plugin-sdk/error";
import { commandsWith, skillCommand } from "./commands.ts";
import { modelsList } from "./gateway-methods.ts";
import * as methods from "./methods.ts";
import { findSession } from "./session-address.ts";
import { areToolsOffered } from "./tool-offer.ts";
import { allowedTools, type KnownTool, toolTable } from "./tool-table.ts";
import type { AgentContext } from "./uses.ts";

const risks: Readonly<Record<Access, "low" | "medium" | "high">> = { read: "low", write: "medium", network: "medium", exec: "high" };

const shown = ({ name, plugin, record }: KnownTool) => ({
  id: name,
  label: name,
  description: record.summary,
  source: "plugin" as const,
  pluginId: plugin,
  risk: risks[record.access],
});

export function registerLists(agent: AgentContext): void {
  const { router, tools } = agent.uses;

  const usable = async (agentId: string | undefined, signal: AbortSignal) => {
    const own = commandsWith(agent.uses.approvals !== undefined);
    const { skills } = agent.uses;
    if (skills === undefined) return own;
    const { id } = await router.agent(agentId === undefined ? {} : { agentId }, { signal });
    const { commands } = await skills.list({ agentId: id }, { signal });
    return [
      ...own,
      ...commands
        .map(skillCommand)
        .filter(({ textAliases }) => !own.some((one) => one.textAliases.some((alias) => textAliases.includes(alias)))),
    ];
  };
  agent.method(methods.commandsList, async ({ includeArgs, agentId }, { signal }) => ({
    commands: (await usable(agentId, signal)).map((command) => {
      const { args: _, ...plain } = command;
      return includeArgs === false ? plain : command;
    }),
  }));

  agent.method(methods.chatMetadata, async ({ agentId }, { signal }) => {
    const models = await agent.call(modelsList, agentId === undefined ? {} : { agentId }).then(
      (listed) => listed.models,
      (error: unknown) => {
        if (hasCode(error, "BUS_METHOD_UNKNOWN")) return [];
        throw error;
      },
    );
    return { models, commands: [...(await usable(agentId, signal))] };
  });

  agent.method(methods.toolsCatalog, async ({ agentId }, { signal }) => {
    const { id } = await router.agent(agentId === undefined ? {} : { agentId }, { signal });
    const groups = Map.groupBy(tools.list(), ({ plugin }) => plugin);
    return {
      agentId: id,
      profiles: [{ id: "full" as const, label: "Full" }],
      groups: [...groups].map(([plugin, members]) => ({
        id: plugin,
        label: plugin,
        source: "plugin" as const,
        pluginId: plugin,
        tools: members.map((tool) => ({ ...shown(tool), defaultProfiles: ["full" as const] })),
      })),
    };
  });

  agent.method(methods.toolsEffective, async ({ sessionKey, agentId }, { signal }) => {
    const address = await findSession(agent, sessionKey, agentId);
    const info = await router.agent({ agentId: address.agentId }, { signal });
    const where = { sessionKey: address.key, agentId: info.id, owner: address.session?.owner !== false };
    const offered = await areToolsOffered(agent, where, signal);
    const table = toolTable(offered ? allowedTools(tools.list(), info.tools) : []);
    const groups = Map.groupBy(table.tools.values(), ({ plugin }) => plugin);
    const notices = table.collisions.map((tool) => ({
      id: `collision:${tool}`,
      severity: "warning" as const,
      message: `The tool "${tool}" is not offered: another would have the same name for the model.`,
    }));
    return {
      agentId: address.agentId,
      profile: "full" as const,
      groups: [...groups].map(([plugin, members]) => ({
        id: "plugin" as const,
        label: plugin,
        source: "plugin" as const,
        tools: members.map((tool) => ({ ...shown(tool), rawDescription: tool.record.summary })),
      })),
      ...(notices.length === 0 ? {} : { notices }),
    };
  });
}
