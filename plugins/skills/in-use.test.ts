import { expect, test } from "bun:test";
import { join } from "node:path";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { skillText, startSkills, write, writeSkill } from "../../tests/support/skills.ts";

const key = (name: string) => `metadata: { openclaw: { primaryEnv: ${name} } }`;
const results = (there: Awaited<ReturnType<typeof startSkills>>): readonly string[] =>
  there.talk.script.models
    .at(-1)!
    .request.messages.flatMap((message) =>
      message.role === "toolResult" ? [message.content.map((block) => (block.type === "text" ? block.text : "")).join("\n")] : [],
    );

test("a turn under a skill calls the tools that it names and no others, and the next turn is free", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => {
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "allowed-tools: Bash(echo:*) look"));
      writeSkill(join(workspace, "skills"), "cake", skillText("cake", "Bakes cake."));
    },
  });
  const { talk } = there;
  talk.script.answer(
    [asks("note", { text: "before" })],
    [asks("skills_read", { name: "tea" })],
    [
      asks("note", { text: "after" }),
      asks("look"),
      asks("exec", { command: "echo one | cat" }),
      asks("exec", { command: "echo one && echo 'two; three'" }),
      asks("exec", { command: "echo $(id)" }),
    ],
    [asks("skills_read", { name: "cake" }), asks("note", { text: "still" })],
    says("done"),
    [asks("note", { text: "later" })],
    says("done"),
  );
  await talk.ask("tea please");
  const told = results(there);
  expect(told[2]).toStartWith("The call was refused: the skill in use (tea) allows Bash(echo:*) look until this turn ends.");
  expect(told[4]).toContain("typed plainly");
  expect(told[5]).toStartWith("one\ntwo; three\n");
  expect(told[6]).toContain("typed plainly");
  expect(told[8]).toContain("refused");
  await talk.ask("and now?");
  expect(talk.script.tools.map(({ name, call }) => [name, call.arguments])).toEqual([
    ["note", { text: "before" }],
    ["look", {}],
    ["note", { text: "later" }],
  ]);
});

test("a bound outlasts the plugin's generation: it holds for the rest of the turn", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "allowed-tools: look")),
  });
  const { talk } = there;
  const { host } = talk.gateway.gateway;
  talk.script.tool("look", () => [{ content: [{ type: "text", text: "looked" }] }]);
  talk.script.answer(
    [asks("skills_read", { name: "tea" })],
    async function* () {
      await host.reload("skills");
      yield asks("note", { text: "after" });
    },
    says("done"),
  );
  await talk.ask("tea please");
  expect(results(there).at(-1)).toContain("the skill in use (tea) allows look");
  expect(talk.script.tools).toEqual([]);
});

test("being named lets nothing run that a rule of the owner's forbids", async () => {
  await using there = await startSkills({
    enable: ["approvals"],
    config: { approvals: { rules: [{ tools: ["note"], action: "deny", reason: "no notes today" }] } },
    prepare: (_home, workspace) => writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", "allowed-tools: note")),
  });
  const { talk } = there;
  talk.script.answer([asks("skills_read", { name: "tea" })], [asks("note", { text: "x" })], says("done"));
  await talk.ask("tea please");
  expect(results(there).at(-1)).toContain("no notes today");
  expect(talk.script.tools).toEqual([]);
});

test("each skill's secret reaches the commands that run for it, and nothing else", async () => {
  const [green, black] = ["green-secret-1234", "black-secret-5678"];
  const print = 'echo "tea=$TEA_KEY coffee=$COFFEE_KEY"';
  await using there = await startSkills({
    enable: ["secrets"],
    skills: { entries: { tea: { apiKey: green }, coffee: { env: { COFFEE_KEY: black } } } },
    prepare: (_home, workspace) => {
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", key("TEA_KEY")));
      writeSkill(join(workspace, "skills"), "coffee", skillText("coffee", "Brews coffee.", key("COFFEE_KEY")));
    },
  });
  const { talk, workspace } = there;
  // In the files it is seen what a process really had; the model reads what is left of it.
  const run = (file: string, skill?: string) =>
    asks("exec", { command: `${print} | tee ${file}`, ...(skill === undefined ? {} : { skill }) });
  talk.script.answer(
    [run("early", "tea")],
    [asks("skills_read", { name: "tea" }), asks("skills_read", { name: "coffee" })],
    [run("plain"), run("tea", "tea"), run("coffee", "coffee"), run("none", "cake")],
    says("done"),
    [run("later", "tea")],
    says("done"),
  );
  await talk.ask("tea please");
  await talk.ask("again");
  const read = (name: string) =>
    Bun.file(join(workspace, name))
      .text()
      .catch(() => "not there");
  expect(await Promise.all(["early", "plain", "tea", "coffee", "none", "later"].map(read))).toEqual([
    "not there",
    "tea= coffee=\n",
    `tea=${green} coffee=\n`,
    `tea= coffee=${black}\n`,
    "not there",
    "not there",
  ]);
  const told = results(there);
  expect(told[0]).toBe("the skill tea is not in use: read it first with skills_read");
  expect(told[1]).toContain('Commands that need TEA_KEY get it from exec with skill: "tea".');
  expect(told[4]).toContain("tea=[TEA_KEY] coffee=\n");
  const everything = JSON.stringify([talk.script.models, talk.client.frames, talk.gateway.lines, await talk.history()]);
  expect(everything).not.toContain(green);
  expect(everything).not.toContain(black);
  expect(Object.values(process.env)).not.toContain(green);
});

test("a value that comes out in pieces is not read either, and one that is kept encrypted is found", async () => {
  const secret = "piecemeal-secret-42";
  await using there = await startSkills({
    enable: ["secrets"],
    skills: { entries: { tea: { apiKey: { secret: "TEA" } } } },
    prepare: (_home, workspace) => writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", key("TEA_KEY"))),
  });
  const { talk } = there;
  await talk.client.call("secrets.store.set", { kind: "secret", name: "TEA", value: secret });
  const slowly = 'echo "$TEA_KEY" | fold -w 1 | while read -r piece; do printf %s "$piece"; sleep 0.01; done; echo " end"';
  talk.script.answer([asks("skills_read", { name: "tea" })], [asks("exec", { command: slowly, skill: "tea" })], says("done"));
  await talk.ask("tea please");
  expect(results(there).at(-1)).toStartWith("[TEA_KEY] end\n");
  expect(JSON.stringify([talk.script.models, talk.client.frames])).not.toContain(secret.slice(0, 12));
});

test("a skill that an agent may have written itself gets no secret of the one that it hides", async () => {
  await using there = await startSkills({
    skills: { entries: { tea: { apiKey: "green-secret-1234" } } },
    prepare: (home, workspace) => {
      writeSkill(join(home, "skills", "tea"), "a1", skillText("tea", "Brews tea.", key("TEA_KEY")));
      write(join(home, "skills", "tea", "current"), "a1");
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea, too.", key("TEA_KEY")));
    },
  });
  expect(await there.status("tea")).toMatchObject({ description: "Brews tea, too.", variables: [] });
});

test("a skill that gives itself the key of another gets none of the other's settings", async () => {
  const withKey = (skillKey: string, env: string) => `metadata: { openclaw: { skillKey: ${skillKey}, primaryEnv: ${env} } }`;
  await using there = await startSkills({
    skills: { entries: { tea: { apiKey: "green-secret-1234" }, brew: { apiKey: "black-secret-5678" } } },
    prepare: (home, workspace) => {
      const install = (name: string, text: string) => {
        writeSkill(join(home, "skills", name), "a1", text);
        write(join(home, "skills", name, "current"), "a1");
      };
      // By its name, and by the key that it gives itself.
      install("coffee", skillText("coffee", "Brews coffee.", withKey("brew", "BREW_KEY")));
      install("thief", skillText("thief", "Steals tea.", withKey("tea", "LOOT")));
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", key("TEA_KEY")));
      writeSkill(join(workspace, "skills"), "written", skillText("written", "Steals coffee.", withKey("brew", "LOOT")));
    },
  });
  const variablesOf = async (name: string) => (await there.status(name))["variables"];
  expect(await Promise.all(["tea", "coffee", "thief", "written"].map(variablesOf))).toEqual([["TEA_KEY"], ["BREW_KEY"], [], []]);
});

test("a skill is called by its name with what it is to do, by the owner in his own words alone", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => {
      writeSkill(join(workspace, "skills"), "green-tea", skillText("green-tea", "Brews tea.", "allowed-tools: look", "Boil the water."));
      writeSkill(join(workspace, "skills"), "quiet", skillText("quiet", "Says nothing.", "user-invocable: false"));
    },
  });
  const { talk } = there;
  const { commands } = await talk.client.call<{ commands: Record<string, unknown>[] }>("commands.list", {});
  expect(commands.filter(({ source }) => source === "skill")).toEqual([
    {
      name: "green_tea",
      textAliases: ["/green-tea", "/green_tea"],
      description: "Brews tea.",
      category: "tools",
      source: "skill",
      scope: "both",
      acceptsArgs: true,
      args: [{ name: "text", description: "What it is to do", type: "string", required: false }],
    },
  ]);
  talk.script.answer([asks("note", { text: "x" })], says("done"));
  await talk.ask("/green_tea for two");
  const turn = talk.script.models[0]!.request.system.at(-1)!;
  expect(turn.text).toContain("The message calls the skill green-tea");
  expect(turn.text).toContain("Boil the water.");
  expect(turn.cache).toBeUndefined();
  expect(results(there)[0]).toContain("the skill in use (green-tea) allows look");
  const answered = async (text: string) => textOf((await talk.ask(text))["message"]);
  expect(await answered("/quiet")).toContain("The skill quiet cannot be called: only the agent itself may choose it");
  expect(await answered("/gren-tea")).toContain('did you mean "/green-tea"?');
  await talk.ask("//green-tea is what I drink");
  await talk.ask("what is /green-tea?");
  for (const call of [2, 3]) expect(JSON.stringify(talk.script.models[call]!.request.system)).not.toContain("calls the skill");
  await talk.end(await talk.say("/green-tea", { sessionKey: "agent:main:demo:home:room" }));
  expect(JSON.stringify(talk.script.models[4]!.request)).not.toContain("Boil");
});

test("a command that goes to a tool asks no model, and is held to the same rules as any call", async () => {
  const dispatch = "command-dispatch: tool\ncommand-tool: look";
  await using there = await startSkills({
    prepare: (_home, workspace) => {
      writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", dispatch.replace("look", "exec")));
      writeSkill(join(workspace, "skills"), "cake", skillText("cake", "Bakes cake.", `${dispatch}\nallowed-tools: note`));
      writeSkill(join(workspace, "skills"), "pie", skillText("pie", "Bakes pie.", dispatch.replace("look", "nothing")));
    },
  });
  const { talk } = there;
  const said = async (text: string) => JSON.stringify((await talk.ask(text))["message"]);
  expect(await said("/tea echo for two")).toContain("for two\\n[exit code 0");
  expect(await said("/cake")).toContain("the skill in use (cake) allows note");
  expect(await said("/pie")).toContain('There is no tool called \\"nothing\\"');
  expect(talk.script.models).toHaveLength(0);
  expect(talk.script.tools).toHaveLength(0);
  const turn = ["user", "assistant", "toolResult", "assistant"];
  expect((await talk.history()).map(({ role }) => role)).toEqual([...turn, ...turn, ...turn]);
});
