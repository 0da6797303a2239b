import { expect, test } from "bun:test";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { toolSuite } from "@pincer/plugin-sdk/testing/tool-suite";

// Everything that a tool promises, in the gateway's process and in one of its own: also that unloading leaves nothing behind.
toolSuite({
  name: "my-tool_roll",
  startPlugin: (options) => startPlugin(import.meta.dir, options),
  works: { sides: 6, count: 3 },
  refuses: { sides: 6, count: 1000 },
});

test("the dice show what they can show, one by one", async () => {
  await using kit = await startPlugin(import.meta.dir);
  const { outcome, text, details, progress } = await kit.tool("my-tool_roll", { sides: 6, count: 3 });
  expect(outcome).toBe("ok");
  const { shown, sum } = details as { readonly shown: readonly number[]; readonly sum: number };
  expect(shown.every((die) => die >= 1 && die <= 6)).toBe(true);
  expect(text).toBe(`${shown.join(" + ")} = ${sum}`);
  expect(progress.split("\n")).toHaveLength(4);
});

test("the agent rolls when the model asks for it, and the model reads what came", async () => {
  await using kit = await startPlugin(import.meta.dir);
  kit.model.answer([asks("my-tool_roll", { sides: 2 })], says("It is done."));
  const reply = await kit.say("Roll a coin, please.");
  expect(reply.text).toBe("It is done.");
  expect(reply.toolResults).toEqual([{ name: "my-tool_roll", text: expect.stringMatching(/^[12]$/), isError: false }]);
});

test("too many dice are refused in words that the model can act on", async () => {
  await using kit = await startPlugin(import.meta.dir, { config: { most: 2 } });
  expect(await kit.tool("my-tool_roll", { sides: 6, count: 3 })).toMatchObject({
    outcome: "refused",
    text: "3 dice are too many: at most 2 can be rolled at once",
  });
});
