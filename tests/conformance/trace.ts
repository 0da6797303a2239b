/** What a connection saw of one run, in order, in words. */
import type { ServerFrame } from "@pincer/plugin-sdk/wire/frames";
import type { Payload } from "./house.ts";

const of = (payload: unknown) => (payload ?? {}) as Payload;
const phased = (name: unknown, data: unknown) => [name, of(data)["phase"]].filter((part) => part !== undefined).join(" ");

function word({ type, ok, event, payload }: ServerFrame, runId: string): string | undefined {
  const { runId: its, status, stream, data, state, session, message } = of(payload);
  if (event === "session.message") {
    const { role, __openclaw } = of(message);
    return of(__openclaw)["runId"] === runId ? `message ${String(role)}` : undefined;
  }
  if (its !== runId) return undefined;
  if (type === "res") return ok === true ? `res ${String(status)}` : "res error";
  if (event === "agent") return phased(stream, data);
  if (event === "chat") return `chat ${String(state)}`;
  if (event === "sessions.changed") return of(session)["hasActiveRun"] === true ? "row busy" : "row idle";
  return undefined;
}

/**
 * The run's frames but those that are optional (`run_status`, `chat status`) and those of the transcript, which is written beside the run.
 * Text comes in as many pieces as it takes: an
 * `assistant` and its `chat delta` are told once however often they follow one another.
 */
export function trace(frames: readonly ServerFrame[], runId: string): readonly string[] {
  const words = frames.flatMap((frame) => word(frame, runId) ?? []).filter((at) => !/^(run_status|chat status|message) ?/.test(at));
  return words.filter((at, index) => !(isText(at) && words[index - 2] === at && isText(words[index - 1])));
}
const isText = (at: string | undefined) => at === "assistant" || at === "chat delta";

/** Where the first frame of that word is among all of them, to compare with. */
export function place(frames: readonly ServerFrame[], runId: string, wanted: string): number {
  const at = frames.findIndex((frame) => word(frame, runId) === wanted);
  if (at === -1) throw new Error(`no "${wanted}" came for ${runId}`);
  return at;
}
