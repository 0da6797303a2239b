/** What 500 and 5,000 installed skills cost a conversation: tokens of each request, and time of each turn beside one without any. */
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { skillText, startSkills, writeSkill } from "../support/skills.ts";
import type { Figure } from "./figures.ts";
import type { Part } from "./part.ts";

const counts = [0, 500, 5_000];
const subjects = ["invoices", "recipes", "servers", "trips", "plants", "contracts", "lessons", "letters", "photos", "bicycles"];
const verbs = ["sorts", "files", "counts", "compares", "prints", "checks", "translates", "shortens", "draws", "repairs"];
const description = (at: number) =>
  `Finds, ${verbs[at % 10]} and keeps ${subjects[Math.floor(at / 10) % 10]} of kind ${at}; use it when somebody asks about number ${at} of them.`;
const turns = 60;
const part = "a conversation with skills";

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const told = (count: number) => (count === 0 ? "without skills" : `${count.toLocaleString("en-US")} skills`);

async function measured(count: number): Promise<readonly Figure[]> {
  await using there = await startSkills({
    prepare: (home) => {
      for (let at = 0; at < count; at++) writeSkill(`${home}/skills`, `skill-${at}`, skillText(`skill-${at}`, description(at)));
    },
  });
  const { talk } = there;
  const timed = async (run: () => Promise<unknown>) => {
    const began = performance.now();
    await run();
    return performance.now() - began;
  };
  const read = await timed(() => talk.client.call("skills.status", {}));
  const first = await timed(() => talk.ask("hello"));
  const same: number[] = [];
  const other: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    other.push(await timed(() => talk.ask(`what about number ${(turn * 71) % 500} of the ${subjects[turn % 10]}?`)));
    same.push(await timed(() => talk.ask("go on")));
  }
  const tokens = talk.script.models.map((_model, call) => textTokens(there.offered(call)));
  const what = told(count);
  return [
    { part, what: `${what}: turn about something else, median`, value: median(other), unit: "ms" },
    { part, what: `${what}: turn that goes on, median`, value: median(same), unit: "ms" },
    ...(count === 0
      ? []
      : [
          { part, what: `${what}: read for the first time`, value: read, unit: "ms" },
          { part, what: `${what}: the first turn`, value: first, unit: "ms" },
          { part, what: `${what}: tokens of a request, at most`, value: Math.max(...tokens), unit: "tokens", target: { atMost: 1_500 } },
        ]),
  ];
}

export const skills: Part = async () => {
  const figures: Figure[] = [];
  for (const count of counts) figures.push(...(await measured(count)));
  return figures;
};
