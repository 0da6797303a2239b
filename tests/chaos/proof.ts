/** The sections of docs/proof.md that the trials write, and replace: of a home with one channel, and of one with many. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { percentile, type Tally } from "./tally.ts";

function withSection(text: string, name: string, section: string): string {
  const begin = `<!-- ${name}: written by \`bun run chaos --write\` -->`;
  const end = `<!-- /${name} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  const whole = `${begin}\n${section.trim()}\n${end}`;
  if (from === -1 || to === -1) return `${text.trimEnd()}\n\n${whole}\n`;
  return `${text.slice(0, from)}${whole}${text.slice(to + end.length)}`;
}

function sectionOf(
  { homes, trials, accepted, kills, readyMs, resumedMs, failures }: Tally,
  channels: readonly string[],
  commits: string,
  date: string,
): string {
  const times = (values: readonly number[]) => `${percentile(values, 0.5)} ms | ${percentile(values, 0.99)} ms | ${values.length}`;
  const places = Object.entries(kills).sort(([a], [b]) => a.localeCompare(b));
  return `## Killed at any point${channels.length > 1 ? ", with every channel connected" : ""}

\`kill -9\` of the whole gateway under load, at every named point and at random, against a model, tools and platforms that keep their own ledgers
(\`tests/chaos\`). Channels: ${channels.join(", ")}. ${commits}, ${date}.

| | |
|---|---|
| trials | ${trials} (${homes} homes) |
| messages accepted | ${accepted} |
| homes with a complaint | ${failures.length} |

A complaint is: an accepted message lost; a reply missing, or visible twice, that is not reported as uncertain; a settled tool run again; a
journalled model answer asked for again; messages or replies out of order; a damaged store; a broken audit log.

| from the start of the process | p50 | p99 | starts |
|---|---|---|---|
| ready | ${times(readyMs)} |
| the first interrupted job goes on | ${times(resumedMs)} |

Deaths: ${places.map(([place, times]) => `${place} ${times}`).join(", ")}.
`;
}

interface Proof {
  readonly tally: Tally;
  readonly channels: readonly string[];
  /** The commit of the first trial, and that of the last. */
  readonly since: string;
  readonly commit: string;
}

export function writeProof(path: string, { tally, channels, since, commit }: Proof): void {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "# Proof\n";
  const date = new Date(clock.now()).toISOString().slice(0, 10);
  const commits = since === commit ? `Commit ${commit}` : `Commits ${since} to ${commit}, between which what is tried is unchanged`;
  writeFileSync(path, withSection(text, channels.length > 1 ? "chaos-channels" : "chaos", sectionOf(tally, channels, commits, date)));
}
