import { expect, test } from "bun:test";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { skillText, startSkills, write, writeSkill } from "../../tests/support/skills.ts";

const managed = (home: string, name: string, digest: string, text: string) => {
  writeSkill(join(home, "skills", name), digest, text);
  write(join(home, "skills", name, "current"), digest);
};

test("the prompt names the skills and what they are for, and nothing of their text", async () => {
  await using there = await startSkills({
    prepare: (home, workspace) => {
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "", "Boil the water."));
      managed(home, "coffee", "0".repeat(64), skillText("coffee", "Brews coffee."));
    },
  });
  await there.talk.ask("hello");
  expect(there.offered(0)).toEndWith("- coffee: Brews coffee.\n- tea: Brews tea.");
  expect(JSON.stringify(there.talk.script.models[0]!.request)).not.toContain("Boil");
});

test("without skills nothing is said of them", async () => {
  await using there = await startSkills();
  await there.talk.ask("hello");
  expect(there.offered(0)).toBe("");
});

test("a skill of the workspace goes before one of the home, that before one of a further folder; each says what it hides", async () => {
  await using there = await startSkills({
    skills: { load: { extraDirs: ["more"] } },
    prepare: (home, workspace) => {
      writeSkill(join(home, "more"), "tea", skillText("tea", "From further away."));
      writeSkill(join(home, "more"), "cake", skillText("cake", "From further away."));
      managed(home, "tea", "a1", skillText("tea", "From the home."));
      managed(home, "cake", "a1", skillText("cake", "From the home."));
      writeSkill(join(workspace, "skills", "kitchen"), "tea", skillText("tea", "From the workspace."));
    },
  });
  expect(await there.status("tea")).toMatchObject({ description: "From the workspace.", source: "openclaw-workspace", eligible: true });
  expect(await there.status("cake")).toMatchObject({ description: "From the home.", source: "openclaw-managed" });
});

test("what changes on disk is there at the next turn: new, written anew, swapped as a folder, another version, gone", async () => {
  await using there = await startSkills();
  const { talk, write: put, workspace, home, offered } = there;
  const after = async (change: () => unknown): Promise<string> => {
    const from = talk.client.frames.length;
    change();
    await talk.client.event("skills.changed", () => true, from);
    await talk.ask("and now?");
    return offered(talk.script.models.length - 1);
  };
  await talk.ask("hello");
  expect(await after(() => put("tea", skillText("tea", "Brews tea.")))).toContain("- tea: Brews tea.");
  expect(await after(() => put("tea", skillText("tea", "Brews green tea.")))).toContain("- tea: Brews green tea.");
  const other = writeSkill(join(workspace, "drafts"), "tea", skillText("tea", "Brews black tea."));
  const swap = () => {
    renameSync(join(workspace, "skills", "tea"), join(workspace, "old"));
    renameSync(other, join(workspace, "skills", "tea"));
  };
  expect(await after(swap)).toContain("- tea: Brews black tea.");
  // The folder is another one than was watched before.
  expect(await after(() => put("tea", skillText("tea", "Brews white tea.")))).toContain("- tea: Brews white tea.");
  expect(await after(() => managed(home, "coffee", "a1", skillText("coffee", "Brews coffee.")))).toContain("- coffee: Brews coffee.");
  writeSkill(join(home, "skills", "coffee"), "b2", skillText("coffee", "Brews espresso."));
  write(join(home, "skills", "coffee", ".next"), "b2\n");
  const name = () => renameSync(join(home, "skills", "coffee", ".next"), join(home, "skills", "coffee", "current"));
  expect(await after(name)).toContain("- coffee: Brews espresso.");
  expect(await after(() => rmSync(join(workspace, "skills", "tea"), { recursive: true }))).toEndWith(
    "as it says.\n- coffee: Brews espresso.",
  );
}, 60_000);

test("a skill that lacks something says what, and where it was looked for", async () => {
  const needs = `metadata:
  openclaw:
    requires: { bins: [sh, no-such-program], anyBins: [nor-this, nor-that], env: [TEA_KEY, TEA_HOME], config: [browser.enabled, models.default, "a\\n\\u202eb"] }`;
  await using there = await startSkills({
    skills: { entries: { tea: { env: { TEA_KEY: "green-and-secret" } } } },
    prepare: (_home, workspace) => writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", needs)),
  });
  expect(await there.status("tea")).toMatchObject({
    eligible: false,
    missing: {
      bins: ["no-such-program"],
      anyBins: ["nor-this", "nor-that"],
      env: ["TEA_HOME"],
      config: ["browser.enabled", "a\n\u202eb"],
      os: [],
    },
    reasons: [
      "commands here have no no-such-program",
      "commands here have no nor-this or nor-that",
      "TEA_HOME is not set: skills.entries.tea.env.TEA_HOME",
      "browser.enabled is not set in the configuration",
      "a \ufffdb is not set in the configuration",
    ],
    variables: ["TEA_KEY"],
  });
  await there.talk.ask("hello");
  expect(there.offered(0)).toBe("");
});

test("another system is a reason even for a skill that is always there, and nothing else is", async () => {
  const elsewhere = process.platform === "win32" ? "linux" : "win32";
  const always = (os: string) => `metadata: { openclaw: { always: true, os: [${os}], requires: { bins: [no-such-program] } } }`;
  await using there = await startSkills({
    prepare: (_home, workspace) => {
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", always(elsewhere)));
      writeSkill(join(workspace, "skills"), "cake", skillText("cake", "Bakes cake.", always(process.platform)));
    },
  });
  expect(await there.status("tea")).toMatchObject({
    eligible: false,
    reasons: [`it works on ${elsewhere}, and this is ${process.platform}`],
  });
  expect(await there.status("cake")).toMatchObject({ eligible: true });
});

test("programs are looked for on the PATH of commands, not on the gateway's, for skills that ship with Pincer too", async () => {
  await using there = await startSkills({
    skills: { allowBundled: ["docker"] },
    config: { plugins: { "tools-exec": { config: { environment: { PATH: "/nowhere" } } } } },
    prepare: (_home, workspace) =>
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "metadata: { openclaw: { requires: { bins: [sh] } } }")),
  });
  expect(await there.status("tea")).toMatchObject({ eligible: false, reasons: ["commands here have no sh"] });
  expect(await there.status("docker")).toMatchObject({ bundled: true, eligible: false, reasons: ["commands here have no docker"] });
});

test("what cannot be read is listed with the line that is wrong, and keeps nothing else away", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => {
      const root = join(workspace, "skills");
      writeSkill(root, "tea", skillText("tea", "Brews tea."));
      writeSkill(root, "cake", skillText("Cake", "Bakes cake."));
      writeSkill(join(workspace, "elsewhere"), "pie", skillText("pie", "Bakes pie."));
      write(join(workspace, "secret.md"), skillText("jam", "Cooks jam."));
      symlinkSync("/", join(root, "loop"));
      write(join(root, "jam", "note"), "");
      symlinkSync(join(workspace, "secret.md"), join(root, "jam", "SKILL.md"));
      symlinkSync(join(workspace, "elsewhere", "pie"), join(root, "pie"));
    },
  });
  expect(await there.status("cake")).toMatchObject({
    eligible: false,
    reasons: ['SKILL.md, line 2: expected name: 1 to 64 of a-z, 0-9 and single hyphens between them, came "Cake"'],
  });
  expect(await there.status("jam")).toMatchObject({
    reasons: ["SKILL.md: expected a file of this folder, came a link that leads out of it"],
  });
  expect(await there.status("pie")).toMatchObject({ eligible: false });
  await there.talk.ask("hello");
  expect(there.offered(0)).toEndWith("before you begin, and do as it says.\n- tea: Brews tea.");
});

test("an agent has the skills that its list names, and those that ship with Pincer may be few", async () => {
  await using there = await startSkills({
    config: { agents: { list: [{ id: "main", skills: ["tea"] }] } },
    prepare: (_home, workspace) => {
      for (const name of ["tea", "cake"]) writeSkill(join(workspace, "skills"), name, skillText(name, `Makes ${name}.`));
    },
  });
  await there.talk.ask("hello");
  expect(there.offered(0)).toEndWith("\n- tea: Makes tea.");
  expect(await there.status("cake")).toMatchObject({
    blockedByAllowlist: true,
    reasons: ["the agent main may not use it: agents.list[].skills"],
  });
});

test("the model reads a skill and its files, and none beside them", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => {
      const folder = writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "", "Follow {baseDir}/leaf.md."));
      write(join(folder, "leaf.md"), "Three minutes.");
      write(join(folder, "scripts", "boil.sh"), "true");
      write(join(workspace, "diary.md"), "private");
      symlinkSync(join(workspace, "diary.md"), join(folder, "diary.md"));
    },
  });
  const { talk, workspace } = there;
  talk.script.answer(
    [asks("skills_read", { name: "tea" })],
    [asks("skills_read", { name: "tea", file: "leaf.md" }), asks("skills_read", { name: "tea", file: "../../diary.md" })],
    [asks("skills_read", { name: "tea", file: "diary.md" }), asks("skills_read", { name: "cake" })],
    says("done"),
  );
  await talk.ask("tea please");
  const folder = join(workspace, "skills", "tea");
  const results = talk.script.models
    .at(-1)!
    .request.messages.flatMap((message) => (message.role === "toolResult" ? [JSON.stringify(message.content)] : []));
  expect(results[0]).toContain(`Follow ${folder}/leaf.md.`);
  expect(results[0]).toContain("leaf.md, scripts/boil.sh");
  expect(results[0]).not.toContain("diary.md");
  expect(results[1]).toContain("Three minutes.");
  expect(results[2]).toContain("outside of the skill's folder");
  expect(results[3]).toContain("outside of the skill's folder");
  expect(results[4]).toContain('there is no skill \\"cake\\"');
  expect(JSON.stringify(results)).not.toContain("private");
});

test("what is said behind a call of a skill stays behind it, also while it is looked for whether there is that skill", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.")),
  });
  const { talk } = there;
  const runs = await Promise.all(["/tea for two", "and cake"].map((text) => talk.say(text, { queueMode: "followup" })));
  for (const runId of runs) await talk.end(runId);
  const said = (await talk.history()).filter(({ role }) => role === "user");
  expect(said.map((message) => textOf(message))).toEqual(["/tea for two", "and cake"]);
});

test("a skill that models may not choose is neither offered nor found nor read, until somebody calls it", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) =>
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "disable-model-invocation: true", "Boil the water.")),
  });
  const { talk, offered } = there;
  talk.script.answer([asks("skills_read", { name: "tea" }), asks("skills_search", { query: "tea" })], says("no"), says("yes"));
  await talk.ask("tea please");
  expect(offered(0)).toBe("");
  expect(JSON.stringify(talk.script.models[1]!.request.messages)).toContain("only people may call it");
  expect(JSON.stringify(talk.script.models[1]!.request.messages)).toContain("no installed skill is about that");
  await talk.ask("/tea for two");
  expect(talk.script.models[2]!.request.system.at(-1)!.text).toContain("Boil the water.");
});
