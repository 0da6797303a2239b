import { definePlugin } from "@pincer/plugin-sdk";
import { turn } from "@pincer/plugin-sdk/contracts/turn";
import { jobFailed, sessionEnded } from "@pincer/plugin-sdk/hooks";
import { admissionFor } from "./admission.ts";
import { AgentFiles } from "./agent-files.ts";
import { registerAgentMethods } from "./agent-methods.ts";
import { createSend, registerSending } from "./chat-send.ts";
import { createCommandHandler } from "./command-job.ts";
import { scopeOf } from "./commands.ts";
import { createCompactHandler } from "./compact-job.ts";
import { AgentConfig } from "./config.ts";
import { ContextCache } from "./context-cache.ts";
import { agentEvent, chatEvent, sessionOperation } from "./events.ts";
import { registerHistory } from "./history.ts";
import { registerLists } from "./list-methods.ts";
import { tellLostRun } from "./lost-run.ts";
import { createRecordHandler } from "./record-job.ts";
import { Runs } from "./runs.ts";
import { facets } from "./session-facets.ts";
import { registerSessionMethods, stopSession } from "./session-methods.ts";
import { ToolTables } from "./tool-table.ts";
import { commandJob, compactJob, recordJob, turnJob } from "./turn-input.ts";
import { createTurnHandler } from "./turn-job.ts";
import { RenderedMessages } from "./user-message.ts";
import { uses } from "./uses.ts";

export default definePlugin({
  config: AgentConfig,
  uses,

  setup(ctx) {
    const runs = new Runs(ctx);
    const contexts = new ContextCache(() => ctx.config.contextCacheBytes);
    const parts = { agent: ctx, contexts, files: new AgentFiles(), tables: new ToolTables(), rendered: new RenderedMessages() };
    for (const event of [agentEvent, chatEvent, sessionOperation]) ctx.event(event);
    for (const [name, facet] of Object.entries(facets)) ctx.facet(name, facet);

    ctx.provide(
      turn,
      "agent",
      {},
      { prepare: (request) => admissionFor(ctx, request), scopeOf: async ({ text }) => ({ scope: scopeOf(text) }) },
    );
    ctx.job(turnJob, createTurnHandler(parts, runs));
    ctx.job(commandJob, createCommandHandler(ctx, runs));
    ctx.job(recordJob, createRecordHandler(ctx));
    ctx.job(compactJob, createCompactHandler(parts, runs));

    const sending = createSend(ctx, runs);
    registerSending(ctx, sending);
    registerAgentMethods(ctx, sending);
    registerSessionMethods(ctx, runs);
    registerHistory(ctx, runs);
    registerLists(ctx);

    ctx.hook(jobFailed, async (lost) => {
      await tellLostRun(ctx, runs, lost);
      return undefined;
    });
    ctx.hook(sessionEnded, async ({ sessionKey, reason }) => {
      contexts.forget(sessionKey);
      if (reason !== "idle") await stopSession(ctx, runs, sessionKey, reason);
      return undefined;
    });
  },
});
