/** A workspace in a folder of its own, and tools run in it as the agent runs them. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ToolCall, ToolOutcome, ToolRecord, tool } from "@pincer/plugin-sdk/contracts/tool";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { Value } from "@sinclair/typebox/value";

export type ProvidedTool = readonly [name: string, record: ToolRecord, implementation: ImplementationOf<typeof tool>];

export interface Answer {
  readonly outcome: ToolOutcome["outcome"];
  readonly text: string;
  readonly content: ToolOutcome["content"];
  readonly details: unknown;
  readonly progress: string;
}

export interface TestWorkspace extends AsyncDisposable {
  readonly path: string;
  /** A folder beside it, which is nobody's business. */
  readonly outside: string;
  file(path: string): string;
  put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
}

export async function createWorkspace(): Promise<TestWorkspace> {
  const home = await realpath(await mkdtemp(join(tmpdir(), "pincer-workspace-")));
  const path = join(home, "workspace");
  const outside = join(home, "outside");
  await mkdir(path);
  await mkdir(outside);
  await writeFile(join(outside, "secret.txt"), "the secret\n");
  return {
    path,
    outside,
    file: (name) => join(path, name),
    async put(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), content);
      }
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** Runs a tool as the agent does: arguments checked, progress collected. */
export async function runTool(
  [name, record, implementation]: ProvidedTool,
  args: Record<string, unknown>,
  call: Partial<ToolCall> & { readonly workspace: string },
  options: { readonly signal?: AbortSignal; readonly onProgress?: (text: string) => void } = {},
): Promise<Answer> {
  const wrong = Value.Errors(reviveSchema(JSON.parse(JSON.stringify(record.parameters))), args).First();
  if (wrong) throw new Error(`arguments of ${name} at ${wrong.path}: ${wrong.message}`);
  const whole: ToolCall = {
    callId: "c1",
    sessionKey: "agent:main:main",
    agentId: "main",
    runId: "r1",
    owner: true,
    ...call,
    arguments: args,
  };
  const stream = implementation.run(whole, { signal: options.signal ?? new AbortController().signal });
  let progress = "";
  for (;;) {
    const step = await stream.next();
    if (step.done) {
      const { outcome, content, details } = step.value;
      const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
      return { outcome, text, content, details, progress };
    }
    progress += step.value.text;
    options.onProgress?.(step.value.text);
  }
}
