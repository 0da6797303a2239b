import { expect, test } from "bun:test";
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { chosenModel, modelFacets, thinkingLevel } from "./session-facets.ts";

const model = (endpoint: string, id: string): ModelInfo => ({
  ref: `${endpoint}/${id}`,
  endpoint,
  id,
  name: id,
  contextWindow: null,
  maxOutputTokens: null,
  reasoning: false,
  vision: false,
  tools: true,
  price: null,
});

test("a session follows the configured model until somebody chooses one", () => {
  const ran = modelFacets(model("demo", "echo"), undefined);
  expect(chosenModel({ facets: ran })).toBeUndefined();
  expect(chosenModel({ facets: { ...ran, model: "openai/gpt-5" } })).toBe("openai/gpt-5");
});

test("a choice stays after it has run, and ends when it is cleared", () => {
  const ran = modelFacets(model("openai", "gpt-5"), "openai/gpt-5");
  expect(ran.modelOverrideSource).toBe("user");
  expect(chosenModel({ facets: ran })).toBe("openai/gpt-5");
  expect(chosenModel({ facets: { ...ran, model: null } })).toBeUndefined();
  expect(chosenModel({ facets: { ...ran, model: undefined } })).toBeUndefined();
  expect(chosenModel({ facets: { ...ran, model: "demo/echo" } })).toBe("demo/echo");
});

test("choosing the model that ran by default keeps it when the default changes", () => {
  const ran = modelFacets(model("openai", "gpt-5"), undefined);
  expect(chosenModel({ facets: { ...ran, model: "openai/gpt-5" } })).toBe("openai/gpt-5");
});

test("thinking levels go by the names that people use", () => {
  expect(["Off", "x-high", "max", "med", "high"].map(thinkingLevel)).toEqual(["off", "xhigh", "xhigh", "medium", "high"]);
  expect(thinkingLevel("plenty")).toBeUndefined();
});
