import { mkdir, rm } from "node:fs/promises";
import { definePlugin } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { owners } from "@pincer/plugin-sdk/contracts/owners";
import { type AgentInfo, router } from "@pincer/plugin-sdk/contracts/router";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { agentInfo, configuredAgents, defaultAgentId, routingErrors, workspaceOf } from "./agents.ts";
import { type AgentConfig, RoutingConfig } from "./config.ts";
import { listAgentFiles, readAgentFile, writeAgentFile } from "./files.ts";
import { isOwner, linked, parseIdentity, unlinked } from "./identities.ts";
import * as methods from "./methods.ts";
import { routeMessage } from "./route.ts";
import { deadRules } from "./rules.ts";

const choiceKey = ({ channel, account, conversation, thread }: Address) =>
  `chosen/${JSON.stringify([channel, account, conversation, thread ?? null])}`;

export default definePlugin({
  config: RoutingConfig,
  uses: { configuration, llm: ifPresent(llm) },

  setup(ctx) {
    const { home } = ctx;
    const { configuration } = ctx.uses;
    const agents = () => configuredAgents(ctx.config);
    /** Workspaces that are known to exist. */
    const made = new Set<string>();
    const info = (agentId?: string) => agentInfo(ctx.config, home, agentId);
    const chosenIn = async (address: Address): Promise<string | undefined> => {
      const { thread, ...whole } = address;
      const own = thread === undefined ? undefined : await ctx.store.get<string>(choiceKey(address));
      return own ?? ctx.store.get<string>(choiceKey(whole));
    };

    ctx.provide(
      router,
      "routing",
      {},
      {
        route: async (request) => routeMessage(ctx.config, request, await chosenIn(request.message.address)),
        agent: async ({ agentId, workspace }) => {
          const agent = info(agentId);
          if (workspace && !made.has(agent.workspace)) {
            await makeWorkspace(agent);
            made.add(agent.workspace);
          }
          return agent;
        },
        agents: async () => ({ agents: agents().map(({ id }) => info(id)) }),
        choose: async ({ address, agentId }) => {
          if (agentId !== null) info(agentId);
          await ctx.store.set({ [choiceKey(address)]: agentId ?? undefined });
          return {};
        },
      },
    );

    ctx.provide(
      owners,
      "routing",
      {},
      {
        is: async (who) => ({ owner: isOwner(ctx.config.owner, who) }),
        list: async () => ({ identities: ctx.config.owner.map(parseIdentity) }),
        link: async (who) => {
          if (!isOwner(ctx.config.owner, who)) await change((before) => ({ owner: [...linked(before.owner ?? [], who)] }));
          return {};
        },
        unlink: async (who) => {
          if (!isOwner(ctx.config.owner, who)) return { unlinked: false };
          await change((before) => ({ owner: [...unlinked(before.owner ?? [], who)] }));
          return { unlinked: true };
        },
      },
    );

    ctx.health(async () => {
      const dead = deadRules(ctx.config.rules, agents());
      return dead.length === 0 ? { ok: true } : { ok: false, detail: dead.join("; ") };
    });

    ctx.method(methods.agentsList, async (_params, { signal }) => ({
      defaultId: defaultAgentId(ctx.config),
      mainKey: "main",
      scope: "per-sender" as const,
      agents: await Promise.all(
        agents().map(async ({ id }) => {
          const { name, emoji, avatar, workspace, model } = info(id);
          const resolved = await ctx.uses.llm
            ?.resolve({ agentId: id, ...(model === undefined ? {} : { model }) }, { signal })
            .catch((error: unknown) => {
              ctx.log.warn("agent.model-unresolved", { agentId: id, error: String(error) });
              return undefined;
            });
          const primary = resolved?.ref ?? model;
          return {
            id,
            kind: "agent" as const,
            name,
            identity: { name, ...(emoji === undefined ? {} : { emoji }), ...(avatar === undefined ? {} : { avatar }) },
            workspace,
            ...(primary === undefined ? {} : { model: { primary } }),
          };
        }),
      ),
    }));

    const changing = createQueue();
    /** One change of the section at a time, each against what is written then. */
    const change = (edit: (written: Partial<RoutingConfig>) => Partial<Readonly<RoutingConfig>>): Promise<void> =>
      changing(async () => {
        const { hash, written } = await configuration.read({}, ctx);
        const before = written as { readonly agents?: Partial<RoutingConfig> };
        const next = edit(before.agents ?? {});
        await configuration.edit({ value: { ...before, agents: { ...before.agents, ...next } }, baseHash: hash }, ctx);
      });
    const merged = (agent: AgentConfig, edits: { [K in keyof AgentConfig]?: AgentConfig[K] | null }): AgentConfig =>
      Object.fromEntries(
        Object.entries({ ...agent, ...edits }).filter(([, value]) => value !== undefined && value !== null),
      ) as AgentConfig;

    ctx.method(methods.agentsCreate, async ({ name, ...rest }) => {
      const id = name
        .toLowerCase()
        .replace(/[^a-z0-9_-]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, 64);
      if (id === "") throw routingErrors.ROUTER_AGENT_NAME(`"${name}" has no letter or digit of a-z, 0-9 to make an id of`);
      const agent = merged({ id }, { name, ...rest });
      await change(() => {
        if (agents().some((known) => known.id === id))
          throw routingErrors.ROUTER_AGENT_EXISTS(`agent "${id}" exists already`, { data: { agentId: id } });
        return { list: [...agents(), agent] };
      });
      return {
        ok: true as const,
        agentId: id,
        name,
        workspace: workspaceOf(agent, home),
        ...(rest.model === undefined ? {} : { model: rest.model }),
      };
    });

    ctx.method(methods.agentsUpdate, async ({ agentId, ...edits }) => {
      info(agentId);
      await change(() => ({ list: agents().map((agent) => (agent.id === agentId ? merged(agent, edits) : agent)) }));
      return { ok: true as const, agentId };
    });

    ctx.method(methods.agentsDelete, async ({ agentId, deleteFiles }) => {
      const { isDefault, workspace } = info(agentId);
      if (isDefault)
        throw routingErrors.ROUTER_AGENT_LAST(`"${agentId}" is the default agent; make another the default first (agents.default)`);
      if (deleteFiles === true && workspace !== workspaceOf({ id: agentId }, home))
        throw routingErrors.ROUTER_WORKSPACE_FOREIGN(
          `${workspace} was chosen for "${agentId}" and may hold other things: delete the agent without its files, and them by hand`,
        );
      const rules = ctx.config.rules.filter((rule) => rule.agent !== agentId);
      const removedBindings = ctx.config.rules.length - rules.length;
      await change(() => ({ list: agents().filter((agent) => agent.id !== agentId), rules }));
      const chosen = (await ctx.store.list<string>("chosen/")).filter(({ value }) => value === agentId);
      await ctx.store.set(Object.fromEntries(chosen.map(({ key }) => [key, undefined])));
      if (deleteFiles === true) await rm(workspace, { recursive: true, force: true });
      made.delete(workspace);
      return { ok: true as const, agentId, removedBindings };
    });

    ctx.method(methods.filesList, async ({ agentId }) => {
      const { workspace } = info(agentId);
      return { agentId, workspace, files: await listAgentFiles(workspace) };
    });
    ctx.method(methods.filesGet, async ({ agentId, name }) => {
      const { workspace } = info(agentId);
      return { agentId, workspace, file: await readAgentFile(workspace, name, true) };
    });
    ctx.method(methods.filesSet, async ({ agentId, name, content, expectedHash }) => {
      const { workspace } = info(agentId);
      return { ok: true as const, agentId, workspace, file: await writeAgentFile(workspace, name, content, expectedHash) };
    });
  },
});

async function makeWorkspace({ id, workspace }: AgentInfo): Promise<void> {
  try {
    await mkdir(workspace, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw routingErrors.ROUTER_WORKSPACE_FAILED(
      `the workspace of agent "${id}" cannot be made at ${JSON.stringify(workspace)}: ${errorMessage(error)}; choose another in agents.list`,
    );
  }
}
