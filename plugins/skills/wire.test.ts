import { expect, test } from "bun:test";
import { join } from "node:path";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { skillText, startSkills, write, writeSkill } from "../../tests/support/skills.ts";

const installers = `metadata:
  openclaw:
    requires: { bins: [pincer-test-brew] }
    install:
      - { kind: go, module: "tea.example/cmd/brew@latest" }
      - { kind: node, package: "--prefix=/tmp" }
      - { kind: apt, package: "tea; rm -rf /" }
      - { id: zip, kind: download, url: "https://tea.example/brew.zip" }
      - { kind: carrier-pigeon, package: tea }`;

/** A folder in front of the PATH of commands, with a program that notes what it was called with. */
const withProgram = (name: string) => (home: string, workspace: string) => {
  write(
    join(home, "bin", name),
    `#!/bin/sh\necho "$0" "$@"\necho "#!/bin/sh" > "${home}/bin/pincer-test-brew"\nchmod +x "${home}/bin/pincer-test-brew"\n`,
    0o755,
  );
  writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.", installers));
};

test("a skill is turned off, given variables, and these are taken away again; no value comes back", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) =>
      writeSkill(
        join(workspace, "skills"),
        "tea",
        skillText("tea", "Brews tea.", "metadata: { openclaw: { primaryEnv: TEA_KEY, skillKey: brew } }"),
      ),
  });
  const { client } = there.talk;
  const update = (params: object) => client.call("skills.update", { skillKey: "brew", ...params });
  expect(await update({ apiKey: "green-secret", env: { TEA_POT: "blue-secret" } })).toEqual({
    ok: true,
    skillKey: "brew",
    config: { env: ["TEA_POT"] },
  });
  expect(await there.status("tea")).toMatchObject({ skillKey: "brew", eligible: true, variables: ["TEA_KEY", "TEA_POT"] });
  expect(await update({ enabled: false })).toMatchObject({ config: { enabled: false, env: ["TEA_POT"] } });
  expect(await there.status("tea")).toMatchObject({
    eligible: false,
    disabled: true,
    reasons: ["it is turned off: skills.entries.brew.enabled"],
  });
  await update({ enabled: true, apiKey: "", env: { TEA_POT: "" } });
  expect(await there.status("tea")).toMatchObject({ eligible: true, variables: [] });
  expect(JSON.stringify([client.frames, there.talk.gateway.lines])).not.toContain("-secret");
});

test("what a skill needs is got in the way that it names, without a shell, and is there at once", async () => {
  await using there = await startSkills({
    prepare: withProgram("go"),
    config: { plugins: { "tools-exec": { config: { environment: { PATH: "$HOME_BIN:/usr/bin:/bin" } } } } },
  });
  const { client } = there.talk;
  await client.call("config.patch", {
    raw: JSON.stringify({ plugins: { "tools-exec": { config: { environment: { PATH: `${there.home}/bin:/usr/bin:/bin` } } } } }),
    baseHash: (await client.call("config.get", {}))["hash"],
  });
  expect(await there.status("tea")).toMatchObject({
    eligible: false,
    install: [
      { id: "go-0", kind: "go", command: "go install tea.example/cmd/brew@latest" },
      { id: "node-1", command: 'expected the name of a node package, came "--prefix=/tmp"' },
      { id: "apt-2" },
      { id: "zip" },
      { id: "carrier-pigeon-4" },
    ],
  });
  const install = (installId: string) => client.call("skills.install", { name: "tea", installId });
  expect(await install("go-0")).toMatchObject({ ok: true, code: 0, stdout: `${there.home}/bin/go install tea.example/cmd/brew@latest` });
  expect(await there.status("tea")).toMatchObject({ eligible: true, reasons: [] });
  await expect(install("node-1")).rejects.toThrow('expected the name of a node package, came "--prefix=/tmp"');
  await expect(install("apt-2")).rejects.toThrow('came "tea; rm -rf /"');
  await expect(install("zip")).rejects.toThrow("a download is for you to check");
  await expect(install("carrier-pigeon-4")).rejects.toThrow('expected one of brew, apt, node, npm, uv, go, came "carrier-pigeon"');
  await expect(install("brew")).rejects.toThrow('tea knows no installer "brew"; it knows: go-0, node-1, apt-2, zip, carrier-pigeon-4');
  await expect(client.call("skills.install", { name: "cake", installId: "x" })).rejects.toThrow(
    'expected the name of a skill, came "cake"',
  );
});

test("without the program that would get it nothing runs, and what it would be is said", async () => {
  await using there = await startSkills({
    prepare: withProgram("unused"),
    config: { plugins: { "tools-exec": { config: { environment: { PATH: "/nowhere" } } } } },
  });
  expect(await there.talk.client.call("skills.install", { name: "tea", installId: "go-0" })).toEqual({
    ok: false,
    message: "commands here have no go; with it this would do: go install tea.example/cmd/brew@latest",
    stdout: "",
    stderr: "",
    code: null,
    command: "go install tea.example/cmd/brew@latest",
  });
});

test("without a plugin that installs skills it is said which one does", async () => {
  await using there = await startSkills({ config: { plugins: { "registry-client": { enabled: false } } } });
  const { client } = there.talk;
  const said = "pincer plugins enable registry-client";
  await expect(client.call("skills.install", { source: "clawhub", slug: "tea" })).rejects.toThrow(said);
  await expect(client.call("skills.update", { source: "clawhub", all: true })).rejects.toThrow(said);
  await expect(client.call("skills.update", { source: "clawhub" })).rejects.toThrow("expected either slug, or all: true, came neither");
});

test("a skill of one agent is not another's", async () => {
  await using there = await startSkills({
    config: { agents: { list: [{ id: "main" }, { id: "cook" }] } },
    prepare: (home) => writeSkill(join(home, "workspaces", "cook", "skills"), "tea", skillText("tea", "Brews tea.")),
  });
  const names = async (params: object) => {
    const { agentId, skills } = await there.talk.client.call<{ agentId: string; skills: { name: string }[] }>("skills.status", params);
    return [agentId, ...skills.filter(({ name }) => name === "tea").map(({ name }) => name)];
  };
  expect(await names({})).toEqual(["main"]);
  expect(await names({ agentId: "cook" })).toEqual(["cook", "tea"]);
  expect(await names({ sessionKey: "agent:cook:main" })).toEqual(["cook", "tea"]);
});

test("unloading leaves nothing behind", async () => {
  await using there = await startSkills({
    prepare: (_home, workspace) => writeSkill(join(workspace, "skills"), "tea", skillText("tea", "Brews tea.")),
  });
  const { talk, write: put } = there;
  talk.script.answer([asks("skills_read", { name: "tea" })], says("done"));
  await talk.ask("tea please");
  await talk.gateway.gateway.host.setEnabled("skills", false);
  put("tea", skillText("tea", "Brews green tea."));
  await talk.ask("and now?");
  expect(there.offered(2)).toBe("");
  await expect(talk.client.call("skills.status", {})).rejects.toThrow();
});
