/** The models that an account can ask in its region: inference profiles, and models that need none. */
import type { BedrockClient, FoundationModelSummary, InferenceProfileSummary } from "@aws-sdk/client-bedrock";
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import { type Abilities, abilitiesOf } from "./families.ts";
import type { Sending } from "./handler.ts";

export interface Listed {
  readonly models: readonly ModelInfo[];
  /** Of profiles whose id says nothing of the model behind them. */
  readonly abilities: ReadonlyMap<string, Abilities>;
}

const MOST_PAGES = 50;

export async function listModels(client: BedrockClient, endpoint: string, watch: Watch): Promise<Listed> {
  const { ListFoundationModelsCommand, ListInferenceProfilesCommand } = await import("@aws-sdk/client-bedrock");
  const sending: Sending = { abortSignal: watch.signal, watch };
  const { modelSummaries = [] } = await client.send(new ListFoundationModelsCommand({ byOutputModality: "TEXT" }), sending);
  const profiles: InferenceProfileSummary[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const command = new ListInferenceProfilesCommand({ maxResults: 1000, ...(nextToken === undefined ? {} : { nextToken }) });
    const found = await client.send(command, sending);
    profiles.push(...(found.inferenceProfileSummaries ?? []));
    nextToken = found.nextToken;
    if (nextToken === undefined) break;
  }
  const talking = new Map(modelSummaries.flatMap((model) => (isTalking(model) ? [[model.modelId as string, model] as const] : [])));
  const abilities = new Map<string, Abilities>();
  const models: ModelInfo[] = [];
  const add = (id: string | undefined, name: string | undefined, model: FoundationModelSummary) => {
    if (id === undefined || abilities.has(id)) return;
    const known = { ...abilitiesOf(model.modelId ?? id), vision: model.inputModalities?.includes("IMAGE") ?? false };
    abilities.set(id, known);
    models.push(modelInfo(endpoint, id, name ?? id, known));
  };
  for (const profile of profiles) {
    const model = talking.get(behind(profile));
    if (!model || profile.status !== "ACTIVE") continue;
    add(profile.type === "APPLICATION" ? profile.inferenceProfileArn : profile.inferenceProfileId, profile.inferenceProfileName, model);
  }
  for (const model of talking.values()) {
    if (model.inferenceTypesSupported?.includes("ON_DEMAND")) add(model.modelId, model.modelName, model);
  }
  return { models, abilities };
}

const isTalking = ({ modelId, modelLifecycle, outputModalities }: FoundationModelSummary): boolean =>
  modelId !== undefined && modelLifecycle?.status === "ACTIVE" && outputModalities?.includes("TEXT") === true;

const behind = ({ models = [] }: InferenceProfileSummary): string => models[0]?.modelArn?.split("/").at(-1) ?? "";

/** Windows and prices are not told there. */
export function modelInfo(
  endpoint: string,
  id: string,
  name: string,
  { thinks, vision, documents, maxOutputTokens }: Abilities,
): ModelInfo {
  const ref = `${endpoint}/${id}`;
  const told = { contextWindow: null, maxOutputTokens, reasoning: thinks !== "none", vision, documents, tools: true, price: null };
  return { ref, endpoint, id, name, ...told };
}
