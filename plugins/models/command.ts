/** `pincer models list`, `pull` and `catalogue`, over the caller's own connection. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { commandErrors } from "@pincer/plugin-sdk/command/usage";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import type { modelsCatalogue, modelsCatalogueUpdate, PullState } from "./catalogue-methods.ts";
import { llmErrors } from "./errors.ts";
import type { modelsAuthStatus, modelsList } from "./methods.ts";
import { createProgress, sizeOf } from "./progress.ts";

const ACCEPT = "accept-prices";

type Choice = ResultOf<typeof modelsList>["models"][number];
const VIEWS = ["default", "configured", "provider-config", "all"];

const tokens = (count: number): string => (count >= 1_000_000 ? `${+(count / 1_000_000).toFixed(2)}M` : `${Math.round(count / 1000)}k`);

function line({ id, provider, alias, tags = [], available, contextWindow, reasoning, supportsTools, input }: Choice): readonly string[] {
  const abilities = [...(reasoning ? ["thinks"] : []), ...(input.includes("image") ? ["sees"] : []), ...(supportsTools ? ["tools"] : [])];
  const notes = [...(alias === undefined ? [] : [`= ${alias}`]), ...tags, ...(available ? [] : ["needs a key"])];
  return [`${provider}/${id}`, contextWindow === undefined ? "-" : tokens(contextWindow), abilities.join(", "), notes.join(", ")];
}

/** Endpoints that cannot be used, all of them or the one that was asked for, with what they lack. */
async function notReady(asked: string, io: CommandIo) {
  const { providers } = (await io.call("models.authStatus", {})) as ResultOf<typeof modelsAuthStatus>;
  const names = [...new Set(providers.map(({ provider }) => provider))];
  if (!VIEWS.includes(asked) && !names.includes(asked)) {
    const near = suggestion(asked, [...VIEWS, ...names]).replace("?", "") || `: there are ${names.join(", ")}`;
    throw llmErrors.LLM_PROVIDER_UNKNOWN(`no provider that is on is called "${asked}"${near}; docs/models.md says what turns on others`);
  }
  const isMeant = (provider: string) => (VIEWS.includes(asked) ? asked === "all" : provider === asked);
  return providers.filter(({ provider, status, detail }) => isMeant(provider) && status === "missing" && detail !== undefined);
}

export const LIST_COMMAND: CommandDefinition = {
  command: {
    name: "models list",
    family: "Models that answer, their keys, windows and prices",
    summary: "Models that can be chosen; all also shows what is not ready",
    usage: "[all|configured|<provider>]",
  },
  async run([asked], io) {
    const params = asked === undefined ? {} : VIEWS.includes(asked) ? { view: asked } : { provider: asked };
    const result = (await io.call("models.list", params)) as ResultOf<typeof modelsList>;
    const why = asked === undefined || asked === "configured" ? [] : await notReady(asked, io);
    if (io.json) io.print(JSON.stringify(result, null, 2));
    else {
      if (result.models.length > 0) io.print(table(["model", "window", "can", ""], result.models.map(line)));
      for (const { displayName, detail } of why) io.print(`${displayName} is not ready: ${detail}`);
      if (asked === "all" && why.length === 0 && result.models.every(({ tags = [] }) => tags.includes("offline")))
        io.print("no other provider has a key or a host: docs/models.md says which there are, pincer secrets set keeps a key");
      else if (result.models.length === 0 && why.length === 0) io.print("none; pincer doctor says what is missing");
    }
    return EXIT.done;
  },
};

export const PULL_COMMAND: CommandDefinition = {
  command: { name: "models pull", summary: "Fetch a model onto the machine of its server: ollama/qwen3", usage: "<model>" },
  async run([model = ""], io) {
    let state = (await io.call("models.pull", { model })) as PullState;
    const cancel = () => void io.call("models.pull.cancel", { model: state.model }).catch(() => undefined); // silent-ok: what it comes to the wait tells
    io.signal.addEventListener("abort", cancel, { once: true });
    const progress = createProgress(io.json);
    while (state.state === "running") {
      progress.show(state);
      state = (await io.call("models.pull.wait", { model: state.model, version: state.version })) as PullState;
    }
    progress.end();
    if (io.json) io.print(JSON.stringify(state, null, 2));
    else if (state.state === "done")
      io.print(`${state.model} is there${state.totalBytes === null ? "" : ` (${sizeOf(state.totalBytes)})`}`);
    else if (state.state === "cancelled") io.print(`${state.model}: stopped; the next pull goes on from here`);
    else io.print(`${state.model} could not be fetched: ${state.failure?.message ?? "its server does not say why"}`);
    return state.state === "done" ? EXIT.done : state.state === "cancelled" ? EXIT.interrupted : EXIT.failed;
  },
};

export const CATALOGUE_COMMAND: CommandDefinition = {
  command: {
    name: "models catalogue",
    summary: "Windows and prices that are known, with source and date; update reads them anew",
    usage: "[update [accept-prices]]",
  },
  async run([verb, accepted], io) {
    if ((verb !== undefined && verb !== "update") || (accepted !== undefined && accepted !== ACCEPT)) {
      const words = [verb, accepted].filter((word) => word !== undefined).join(" ");
      throw commandErrors.COMMAND_USAGE(`there is no "pincer models catalogue ${words}"`);
    }
    const told = ({ entries, added, from, at }: ResultOf<typeof modelsCatalogueUpdate>) =>
      `${entries} models${from === null || at === null ? "" : `, ${added} of them from ${from} (${new Date(at).toISOString().slice(0, 10)})`}`;
    if (verb === "update") {
      const result = (await io.call("models.catalogue.update", { acceptPrices: accepted === ACCEPT })) as ResultOf<
        typeof modelsCatalogueUpdate
      >;
      io.result(result, told(result));
      return EXIT.done;
    }
    const result = (await io.call("models.catalogue", {})) as ResultOf<typeof modelsCatalogue>;
    if (io.json) io.print(JSON.stringify(result, null, 2));
    else {
      const rows = result.models.map(({ ref, contextWindow, price, source, date }) => {
        const { input, output } = (price ?? {}) as { readonly input?: number; readonly output?: number };
        const dollars = input === undefined || output === undefined ? "price not known" : `$${input} in, $${output} out`;
        return [ref, contextWindow === null ? "-" : tokens(contextWindow), dollars, date, source];
      });
      io.print(table(["model", "window", "price of a million tokens", "of", "source"], rows));
      io.print(told(result));
    }
    return EXIT.done;
  },
};
