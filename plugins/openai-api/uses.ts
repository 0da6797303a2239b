/** What the API uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import type { ModelAnswer, ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { selector } from "@pincer/plugin-sdk/contracts/selector";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import type { ApiConfig } from "./config.ts";

export const uses = { lanes, llm, router, selector: ifPresent(selector), sessions };

export type ApiContext = PluginContext<ApiConfig, typeof uses>;

/** An answer as it comes, from a model or from an agent. */
export type AnswerStream = AsyncGenerator<ModelEvent, ModelAnswer, void>;
