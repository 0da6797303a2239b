/** What an agent does not do for a caller is refused, whichever API asks; how it samples is its own. */
import { unsupported } from "./failure.ts";

interface AskedOfAgent {
  readonly tools: readonly unknown[] | null | undefined;
  readonly toolChoice: unknown;
  readonly format: { readonly param: string; readonly type: string | undefined };
  readonly logprobs: { readonly param: string; readonly wanted: boolean };
}

export function refuseOfAgent({ tools, toolChoice, format, logprobs }: AskedOfAgent): void {
  if (tools && tools.length > 0 && toolChoice !== "none")
    throw unsupported("tools", "an agent runs its own tools; name a provider's model to have calls handed to you");
  if (logprobs.wanted) throw unsupported(logprobs.param, "an agent has none");
  if (format.type !== undefined && format.type !== "text") throw unsupported(format.param, "an agent answers in text");
}
