import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { skillText, startSkills, writeSkill } from "../../tests/support/skills.ts";

/** In the order of the alphabet none of those that matter come first. */
const special = {
  "zebra-tax": "Prepares the yearly tax declaration from receipts.",
  "zoo-budget": "Plans what a zoo may spend on hay.",
  "zucchini-soup": "Cooks zucchini soup for many guests.",
};
const filler = (at: number) =>
  `Handles chore number ${at}: opens the form, fills in what is known, checks it against the list, and files it in the folder for later.`;

const writeMany = (count: number) => (_home: string, workspace: string) => {
  const root = join(workspace, "skills");
  for (let at = 0; at < count; at++) writeSkill(root, `chore-${at}`, skillText(`chore-${at}`, `"${filler(at)}"`));
  for (const [name, description] of Object.entries(special)) writeSkill(root, name, skillText(name, description));
};

test("500 skills take at most 1,500 tokens of a request, and those are there that the conversation is about", async () => {
  await using there = await startSkills({ prepare: writeMany(500) });
  const { talk, offered } = there;
  await talk.client.call("skills.status", {});
  await talk.ask("please cook a soup of zucchini");
  await talk.ask("thanks, that was good");
  await talk.ask("and now my tax declaration, here are the receipts");
  await talk.ask("go on");
  const lists = [0, 1, 2, 3].map(offered);
  for (const list of lists) expect(textTokens(list)).toBeLessThanOrEqual(1_500);
  for (const list of lists) expect(textTokens(list)).toBeGreaterThan(1_000);
  expect(lists[0]).toContain("- zucchini-soup: Cooks zucchini soup for many guests.");
  expect(lists[0]).toContain("skills_search finds them by what they are for");
  // Small talk changes nothing, so that what the provider keeps of the prompt stays good; another subject does, once.
  expect(lists[1]).toBe(lists[0]!);
  expect(lists[2]).toContain("- zebra-tax:");
  expect(lists[2]).toContain("- zucchini-soup:");
  expect(lists[3]).toBe(lists[2]!);
}, 60_000);

test("a turn does not wait for thousands that are read for the first time: it has what was read when the plugin was loaded, the next one all", async () => {
  const clock = createManualClock(Date.now());
  const prepare = (home: string, workspace: string) => {
    writeMany(2_000)(home, workspace);
    writeSkill(join(home, "skills"), "hat-repair", skillText("hat-repair", "Repairs hats."));
  };
  await using there = await startSkills({ clock, prepare });
  const { talk, offered } = there;
  let isLate = false;
  const late = talk.gateway.logged("skills.reading-takes-long").then(() => {
    isLate = true;
  });
  const asked = talk.ask("repair my hat");
  while (!isLate) await clock.advance(50);
  await Promise.all([late, asked]);
  expect(offered(0)).toContain("- hat-repair: Repairs hats.");
  expect(offered(0)).not.toContain("more are installed");
  await talk.client.call("skills.status", {});
  await talk.ask("and cook a soup of zucchini");
  expect(offered(1)).toContain("- zucchini-soup:");
}, 60_000);

test("the model finds what its list does not name", async () => {
  await using there = await startSkills({ prepare: writeMany(300) });
  const { talk, offered } = there;
  await talk.client.call("skills.status", {});
  talk.script.answer([asks("skills_search", { query: "money for animals: hay" })], says("done"));
  await talk.ask("hello");
  const result = JSON.stringify(talk.script.models[1]!.request.messages.at(-1));
  expect(result).toContain("- zoo-budget: Plans what a zoo may spend on hay.");
  expect(offered(0)).not.toBe("");
}, 60_000);

test("no list is made where none is wanted, and skills are found all the same", async () => {
  await using there = await startSkills({ skills: { promptTokens: 0 }, prepare: writeMany(3) });
  const { talk, offered } = there;
  talk.script.answer([asks("skills_search", { query: "tax" })], says("done"));
  await talk.ask("hello");
  expect(offered(0)).toBe("");
  expect(JSON.stringify(talk.script.models[1]!.request.messages.at(-1))).toContain("zebra-tax");
});

/** Knows three subjects, in two languages. */
const embedding = `
  import { definePlugin } from "@pincer/plugin-sdk";
  import { embedder } from "@pincer/plugin-sdk/contracts/embedder";
  const subjects = [/tax|steuer/i, /soup|suppe/i, /zoo|tierpark/i];
  export default definePlugin({
    setup(ctx) {
      ctx.provide(embedder, "toy", {}, {
        embed: async ({ texts }) => {
          if (texts.some((text) => text.includes("chore-299"))) ctx.log.info("toy.learned", {});
          return { model: "toy-1", vectors: texts.map((text) => subjects.map((subject) => (subject.test(text) ? 1 : 0.01))) };
        },
      });
    },
  });`;

test("where something makes vectors of texts, meaning counts too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-embedder-"));
  const plugins = pluginsFolder(folder);
  await writePlugin(plugins, "toy", embedding);
  try {
    await using there = await startSkills({ plugins: [plugins], enable: ["toy"], prepare: writeMany(300) });
    const { talk, offered } = there;
    await talk.ask("hello");
    await talk.gateway.logged("toy.learned");
    await talk.ask("Hilf mir bei der Steuer");
    await talk.ask("Hilf mir bei der Steuer");
    expect(offered(2)).toContain("- zebra-tax:");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
