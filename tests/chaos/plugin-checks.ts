/** What must be true of every call when plugins were killed: nothing safe is lost, nothing else is done twice, and what is unknown says so. */
import type { PluginOutside } from "./plugin-outside.ts";
import { answerTo } from "./plugins/chaos-pool/pool.ts";

export interface Turn {
  readonly name: string;
  /** What it failed with. */
  readonly error: string | undefined;
}

export interface Work {
  readonly id: string;
  readonly ended: { readonly state: string; readonly result: unknown };
}

/** How a caller learns that a process went away. */
const isHonest = (text: string) => /the process of [\w-]+ (ended|was ended)|the other side closed the connection/.test(text);
const honestCodes = new Set(["PLUGIN_GONE", "PLUGIN_STALLED"]);
/** What a death brings into the log. */
const expectedErrors = new Set(["plugin.crashed", "model.provider-failed"]);

export function pluginComplaints(given: {
  readonly outside: PluginOutside;
  readonly turns: readonly Turn[];
  readonly works: readonly Work[];
  readonly log: string;
}): readonly string[] {
  return [...callComplaints(given.outside), ...turnComplaints(given.turns), ...workComplaints(given), ...logComplaints(given.log)];
}

function* callComplaints({ asked, results, done, notes, cuts }: PluginOutside): Generator<string> {
  for (const id of asked) {
    const tool = id.slice(id.lastIndexOf("-") + 1);
    const result = results.get(id);
    const times = done.get(`${tool}/${id}`) ?? 0;
    if (!result) continue; // its turn has ended before the model was asked again: told below
    const isSafe = tool === "ask";
    const told = `${id}: ${times} times done, told ${JSON.stringify(result)}`;
    if (isSafe && result.isError) yield `a safe call was lost, cut ${cuts.get(id)} times: ${told}`;
    if ((tool === "spend" || tool === "note") && times > 1) yield `done twice: ${told}`;
    if (!result.isError && times === 0) yield `answered without being done: ${told}`;
    if (result.isError && !isHonest(result.text)) yield `it does not say what happened: ${told}`;
    const note = notes.get(id);
    if (tool !== "ask" && tool !== "spend") continue;
    if (!note) yield `the desk never got an end: ${told}`;
    else if ("answer" in note && note.answer !== answerTo(id)) yield `a wrong answer: ${told}`;
    else if ("code" in note && !honestCodes.has(note.code)) yield `it ended as ${note.code} ${note.message}: ${told}`;
  }
}

function* turnComplaints(turns: readonly Turn[]): Generator<string> {
  for (const { name, error } of turns) if (error && !isHonest(error)) yield `the turn of ${name} ended with: ${error}`;
}

function* workComplaints({
  outside: { done },
  works,
}: {
  readonly outside: PluginOutside;
  readonly works: readonly Work[];
}): Generator<string> {
  for (const { id, ended } of works) {
    const { read, spent } = (ended.result ?? {}) as { readonly read?: unknown; readonly spent?: unknown };
    const taken = done.get(`take/${id}`) ?? 0;
    const told = `${id}: ${JSON.stringify(ended)}, taken ${taken} times`;
    if (ended.state !== "done" || read !== answerTo(id)) yield `a job was lost: ${told}`;
    if (taken > 1) yield `a step that may run once ran twice: ${told}`;
    // null: the step is uncertain.
    if (spent !== null && (spent !== answerTo(id) || taken !== 1)) yield `a step's answer is not true: ${told}`;
  }
}

function* logComplaints(log: string): Generator<string> {
  for (const line of log.split("\n")) {
    if (!line.includes('"error"')) continue;
    const { level, event, plugin } = JSON.parse(line) as { level: string; event: string; plugin?: string };
    if (level !== "error") continue;
    if (!expectedErrors.has(event) || plugin === "chaos-bystander") yield `an error in the log: ${line.slice(0, 1_000)}`;
  }
}
