import { definePlugin } from "@pincer/plugin-sdk";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import { transcriberAccess } from "@pincer/plugin-sdk/contracts/transcriber-access";
import { createModelAccess } from "./access.ts";
import { registerAuth } from "./auth.ts";
import { registerCatalogue, registerPulls } from "./catalogue-answers.ts";
import { createCatalogue } from "./catalogue-store.ts";
import { createChoices } from "./choices.ts";
import { CATALOGUE_COMMAND, LIST_COMMAND, PULL_COMMAND } from "./command.ts";
import { ModelsConfig } from "./config.ts";
import { createDirectory } from "./directory.ts";
import { createEmbed } from "./embed.ts";
import { plainLlm } from "./llm.ts";
import { modelsList } from "./methods.ts";
import { createPulls } from "./pulls.ts";
import { createResolver } from "./resolve.ts";
import { RunningCalls } from "./running-calls.ts";
import { createTranscribe } from "./transcribe.ts";
import { createUsageLedger } from "./usage.ts";
import { registerUsage } from "./usage-answers.ts";
import { modelsUses } from "./uses.ts";

export default definePlugin({
  config: ModelsConfig,
  uses: modelsUses,

  setup(ctx) {
    const catalogue = createCatalogue(ctx);
    ctx.onConfig(() => catalogue.follow());
    const directory = createDirectory(ctx);
    const resolver = createResolver(ctx, directory, catalogue);
    const ledger = createUsageLedger(ctx);
    const running = new RunningCalls(ctx.signal);
    ctx.onUnload(() => ledger.end());
    ctx.onUnload(() => running.end());

    const access = {
      ...createModelAccess(ctx, directory, resolver, ledger, running),
      embed: createEmbed(ctx, resolver, ledger, running),
    };
    ctx.provide(modelAccess, "models", {}, access);
    ctx.provide(llm, "models", {}, plainLlm(access));
    ctx.provide(transcriberAccess, "models", {}, { transcribe: createTranscribe(ctx, ledger, running) });

    ctx.method(modelsList, createChoices(ctx, directory, catalogue, resolver));
    registerAuth(ctx, directory);
    registerUsage(ctx, directory, ledger);
    registerPulls(ctx, ctx.own(createPulls(ctx, directory, resolver)));
    registerCatalogue(ctx, catalogue);
    for (const { command, run } of [LIST_COMMAND, PULL_COMMAND, CATALOGUE_COMMAND]) ctx.command(command, run);
  },
});
