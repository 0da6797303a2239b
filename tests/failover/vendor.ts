/** One vendor on loopback in each of the three API shapes, and a gateway that fails over between its profiles and models. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { type ModelsGatewayOptions, startModelsGateway } from "../fixtures/models/gateway.ts";
import { startAnthropicVendor } from "../vendors/anthropic/server.ts";
import { startOpenAiVendor } from "../vendors/openai/server.ts";

export type Api = "chat" | "responses" | "messages";
export const apis: readonly Api[] = ["chat", "responses", "messages"];
type Json = Readonly<Record<string, unknown>>;

/** Which key a request came with. */
export const keyOf = ({ headers }: VendorCall): string => (headers.get("authorization") ?? "").replace(/^Bearer /, "");
const modelOf = ({ body }: VendorCall): string => String(body.model);
export const says = (...text: readonly string[]): VendorAnswer => ({ steps: [{ text }] });
export const error = (status: number, message = `the script says ${status}`, more: Partial<NonNullable<VendorAnswer["error"]>> = {}) =>
  ({ error: { status, message, ...more } }) satisfies VendorAnswer;

interface FailoverOptions extends Omit<ModelsGatewayOptions, "failover"> {
  readonly api?: Api;
  readonly failover?: Json;
  /** Auth profiles of the endpoint `lab`, by name, and their keys. */
  readonly profiles?: Readonly<Record<string, string>>;
  /** The endpoint's own key. */
  readonly own?: string;
  /** Further settings of the endpoint. */
  readonly lab?: Json;
  /** The status that a list of models is answered with, by key; 200 when not given. */
  readonly lists?: (key: string) => number;
}

/** The endpoint `lab`, with as many models as there are names. */
export async function startFailover({
  api = "chat",
  failover = {},
  profiles = {},
  own,
  lab: more = {},
  lists,
  ...options
}: FailoverOptions = {}) {
  const vendor = api === "messages" ? startAnthropicVendor() : startOpenAiVendor(lists ? { lists } : {});
  // A key that is asked for by name and is not there: without profiles the endpoint is not ready.
  const key = { secret: "LAB_KEY" };
  const lab = api === "messages" ? { baseUrl: vendor.origin, key } : { baseUrl: `${vendor.origin}/v1`, api, key };
  const endpoint = { ...lab, models: ["one", "two", "three"], ...more };
  const gateway = await startModelsGateway({
    ...options,
    env: { ...options.env, ...(own === undefined ? {} : { LAB_KEY: own }) },
    failover: { retryJitter: 0, probe: false, ...failover },
    plugins: { ...options.plugins, [api === "messages" ? "provider-anthropic" : "provider-openai"]: { endpoints: { lab: endpoint } } },
  });
  for (const [name, value] of Object.entries(profiles)) await gateway.call("failover.profiles.add", { name: `lab:${name}`, value });
  return {
    ...gateway,
    /** Resolves with the first line of that event. */
    logged: gateway.logged,
    vendor,
    /** The keys that requests came with, in their order. */
    keys: () => vendor.ledger.map(keyOf),
    tried: () => vendor.ledger.map((call) => `${modelOf(call)} ${keyOf(call)}`),
    say: async (more: Partial<LlmRequest> = {}) => {
      const { events, answer } = await gateway.ask({ model: "lab/one", ...more });
      const text = events.map((event) => (event.type === "text" ? event.delta : "")).join("");
      return { events, answer, text };
    },
    async profile(name: string) {
      const { profiles: all } = (await gateway.call("failover.profiles.list")) as { readonly profiles: readonly Json[] };
      return all.find((one) => one["name"] === `lab:${name}`);
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await vendor[Symbol.asyncDispose]();
    },
  };
}
