/** What the complaints are made from, and how it is read. */
import type { Message } from "@pincer/plugin-sdk/message";
import type { EntryRow, JobRow, Remains } from "./autopsy.ts";
import type { Load, Said } from "./load.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

export interface Evidence {
  readonly remains: Remains;
  readonly load: Load;
  readonly world: World;
  readonly witness: Witness;
}

export const tight = (text: string): string => text.replace(/\s+/g, "");

export const textOf = ({ content }: Message): string =>
  typeof content === "string" ? content : content.map((block) => (block.type === "text" ? block.text : "")).join("");

export const groups = <K, V>(of: readonly V[], by: (value: V) => K): Map<K, V[]> => {
  const found = new Map<K, V[]>();
  for (const value of of) found.set(by(value), [...(found.get(by(value)) ?? []), value]);
  return found;
};

export const twice = <V>(of: readonly V[]): V[] =>
  [...groups(of, (value) => value)].flatMap(([value, all]) => (all.length > 1 ? [value] : []));

/** The run that answers a message: its own, or the one that absorbed it. */
export function answering({ jobs }: Remains, { runId }: Said): JobRow | undefined {
  let job = jobs.get(`run:${runId}`);
  while (job?.state === "absorbed") job = jobs.get(String((job.result as { by?: unknown } | null)?.by));
  return job;
}

export const runOf = ({ key }: JobRow): string => key.slice("run:".length);

/** What the transcript says of a run in one text, as far as it was meant to be sent. */
export const wholeOf = (entries: readonly EntryRow[], runId: string): string =>
  entries
    .filter(({ role, runId: by, kind }) => role === "assistant" && kind === "message" && by === runId)
    .map(({ message }) => tight(textOf(message)))
    .join("");
