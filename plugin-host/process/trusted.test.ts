/** What a process may that runs code of this repository, or code that the operator trusts. What it may not otherwise: `hostile.test.ts`. */
import { expect, test } from "bun:test";
import { startHost, writePlugin } from "../../tests/fixtures/plugin-host.ts";

const answering = `
import { definePlugin } from "@pincer/plugin-sdk";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
export default definePlugin({ setup(ctx) {
  ctx.hook(promptBuilding, ({ sections, ...rest }) => ({ ...rest, sections: [...sections, { id: "answering", text: "hello" }] }));
} });`;
const asking = `
import { definePlugin } from "@pincer/plugin-sdk";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const ask = defineMethod({ name: "asking.ask", summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Unknown() });
export default definePlugin({ setup(ctx) {
  ctx.method(ask, () => ctx.run(promptBuilding, { sessionKey: "s", agentId: "a", runId: "r", sections: [] }));
} });`;

test("it runs the gateway's hooks, as it does in the gateway", async () => {
  await using kit = await startHost({
    confinement: async () => ({ missing: "this test runs without one", mend: "" }),
    config: { plugins: { asking: { isolation: "process" } } },
    async prepare(plugins) {
      await writePlugin(plugins, "answering", answering);
      await writePlugin(plugins, "asking", asking);
    },
  });
  const call = { connection: { caps: new Set() }, role: "operator", scopes: [], signal: new AbortController().signal } as never;
  const { invoke } = await kit.host.methods.find("asking.ask")!.resolve();
  expect(await invoke({}, call)).toMatchObject({ sections: [{ id: "answering", text: "hello" }] });
  expect(kit.host.inspect("asking")).toMatchObject({ isolation: "process", state: "active" });
});
