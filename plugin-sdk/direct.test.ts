import { expect, test } from "bun:test";
import { reachDirectly } from "./direct.ts";

const after = (env: Record<string, string | undefined>, ...names: readonly string[]) => {
  for (const name of names.length === 0 ? [undefined] : names) reachDirectly(name, env);
  return env;
};

test("what the user has there stays, in front; the lower case one counts where both are set", () => {
  const env = after({ HTTP_PROXY: "http://proxy:1", NO_PROXY: "a.example", no_proxy: " b.example , 10.0.0.0/8 " });
  expect(env["no_proxy"]).toStartWith("b.example,10.0.0.0/8,localhost,127.0.0.0/8,");
  expect(env["NO_PROXY"]).toBe(env["no_proxy"]);
  expect(after({ ...env })).toEqual(env);
});

test("a name that one's own network alone knows is added, any other is not, and without a proxy nothing is", () => {
  const env = after({ https_proxy: "http://proxy:1" }, "ollama", "api.openai.com", "ollama");
  expect(env["no_proxy"]?.split(",").filter((entry) => /ollama|openai/.test(entry))).toEqual(["ollama"]);
  expect(after({ PATH: "/bin" }, "ollama")).toEqual({ PATH: "/bin" });
});
