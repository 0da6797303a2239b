/** Runs a tool as the agent does: arguments checked, progress collected. */
import { Value } from "@sinclair/typebox/value";
import type { ImplementationOf } from "../contract.ts";
import type { ToolCall, ToolOutcome, ToolRecord, tool } from "../contracts/tool.ts";
import { reviveSchema } from "../schema.ts";

export type ProvidedTool = readonly [name: string, record: ToolRecord, implementation: ImplementationOf<typeof tool>];

export interface ToolAnswer {
  readonly outcome: ToolOutcome["outcome"];
  readonly text: string;
  readonly content: ToolOutcome["content"];
  readonly details: unknown;
  readonly progress: string;
}

export interface ToolOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
}

/** Throws when the arguments are not what the tool's parameters say: the agent would not have called it. */
export async function runTool(
  [name, record, implementation]: ProvidedTool,
  args: Readonly<Record<string, unknown>>,
  call: Partial<ToolCall> & { readonly workspace: string },
  options: ToolOptions = {},
): Promise<ToolAnswer> {
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
