/** Runs a tool to its end, within its time. */
import type { ToolOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { InvokeFailure, notFound } from "./failure.ts";
import type { PreparedCall } from "./invocation.ts";
import type { ToolsContext } from "./uses.ts";

/** Throws an `InvokeFailure`, or the signal's reason. */
export async function runTool(ctx: ToolsContext, { tool, call, timeoutMs }: PreparedCall, signal: AbortSignal): Promise<ToolOutcome> {
  using stop = linkSignals(signal);
  const late = new DOMException(`stopped after ${timeoutMs} ms`, "TimeoutError");
  using _timer = ctx.clock.after(timeoutMs, () => stop.abort(late));
  try {
    const stream = ctx.uses.tools.get(tool).run(call, { signal: stop.signal });
    for (;;) {
      const step = await stream.next();
      if (step.done === true) return step.value;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (hasCode(error, "CAPABILITY_MISSING")) throw notFound(`the tool "${tool}" is no longer there`);
    if (stop.signal.aborted) throw new InvokeFailure(500, "tool_error", `the tool "${tool}" did not finish within ${timeoutMs / 1000} s`);
    ctx.log.warn("tool.failed", { tool, error: errorMessage(error) });
    throw new InvokeFailure(500, "tool_error", `the tool "${tool}" failed: ${errorMessage(error)}`);
  }
}
