/** What every tool promises, checked in a real gateway, in every mode. */
import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { ToolOutcome, tool } from "../contracts/tool.ts";
import { inEveryMode, shared, testIn } from "./every-mode.ts";
import type { Mode } from "./modes.ts";
import type { PluginKit } from "./plugin.ts";
import { asks, says } from "./script.ts";

type Arguments = Readonly<Record<string, unknown>>;

export interface ToolSuite {
  readonly name: string;
  /** `mode` is to be handed on to `startPlugin`. */
  startPlugin(options: { readonly mode: Mode }): Promise<PluginKit>;
  /** Arguments with which it does what it is for, however often it is asked. */
  readonly works: Arguments;
  /** Arguments that fit its parameters, and that it refuses or fails on in words for the model; absent: there are none. */
  readonly refuses?: Arguments;
}

export function toolSuite({ name, startPlugin, works, refuses }: ToolSuite): void {
  inEveryMode(`${name} keeps the promises of a tool`, (mode, test) => {
    const kit = shared(() => startPlugin({ mode }));

    test("it answers, and its answer is one that a model can read", async () => {
      const answer = await (await kit()).tool(name, works);
      expect(answer).toMatchObject({ outcome: "ok" });
      expect(Value.Check(ToolOutcome, { outcome: answer.outcome, content: answer.content })).toBe(true);
      expect(answer.content.length).toBeGreaterThan(0);
    });

    if (refuses) {
      test("what it refuses it refuses in words, and throws nothing", async () => {
        const answer = await (await kit()).tool(name, refuses);
        expect(["refused", "failed"]).toContain(answer.outcome);
        expect(answer.text).not.toBe("");
      });
    }

    test("a call that was given up before it began does nothing", async () => {
      const signal = AbortSignal.abort(new Error("given up"));
      await expect((await kit()).tool(name, works, { signal })).rejects.toThrow("given up");
    });

    test("calls beside one another do not get in one another's way", async () => {
      const { tool } = await kit();
      const answers = await Promise.all([1, 2, 3].map(() => tool(name, works)));
      expect(answers.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"]);
    });

    if (mode === "process") {
      test("killed in the middle of a call, it is told as gone, and works at the next", async () => {
        const { tool, crash } = await kit();
        expect(await crash(() => tool(name, works))).toMatchObject({ code: "PLUGIN_GONE", retryable: true });
        expect(await tool(name, works)).toMatchObject({ outcome: "ok" });
      });
    }

    test("it goes when its plugin goes, and leaves nothing behind", async () => {
      const { unload, residue, uses } = await kit();
      await unload();
      expect(residue()).toEqual([]);
      expect(() => uses(tool, name)).toThrow();
    });
  });

  describe(`${name} in the agent's hands`, () => {
    const wire = name.replace(/[^a-zA-Z0-9_-]/g, "_");

    // The agent does not reach it through the imitated border.
    for (const mode of ["inline", "process"] as const)
      testIn(mode)(`the model is told what it is for, calls it, and reads what it answered, ${mode}`, async () => {
        await using kit = await startPlugin({ mode });
        kit.model.answer([asks(wire, works)], says("Done."));
        const reply = await kit.say("Use it.");
        expect(reply.toolResults.map(({ isError }) => isError)).toEqual([false]);
        const spec = kit.model.models[0]?.request.tools.find((one) => one.name === wire);
        expect(spec?.description.length).toBeGreaterThan(10);
      });

    // By the manifest alone, so that where its code runs makes no difference.
    test("arguments that do not fit its parameters never reach it, and the model reads why", async () => {
      await using kit = await startPlugin({ mode: "inline" });
      const wrong = Object.fromEntries(Object.keys(works).map((key) => [key, { not: "this" }]));
      if (Object.keys(wrong).length === 0) return;
      kit.model.answer([asks(wire, wrong)], says("I see."));
      const reply = await kit.say("Use it wrongly.");
      expect(reply.toolResults.map(({ isError }) => isError)).toEqual([true]);
    });
  });
}
