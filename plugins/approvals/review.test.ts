/** What reviewers see and set: requests of either kind, those of one session, the list of commands, and what was allowed from now on. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { asks, type Script, says, startScript } from "@pincer/plugin-sdk/testing/script";
import type { Conversation } from "../../tests/fixtures/conversation.ts";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";
import { letter, startWary } from "../../tests/fixtures/untrusted/conversation.ts";
import { isListed } from "./exec-list.ts";

const MAIN = "agent:main:main";
let script: Script;
let platform: Platform;
let talk: Conversation;

beforeEach(async () => {
  script = startScript();
  platform = startPlatform();
  talk = await startWary({ script, platform, enable: ["tools-exec"] });
});
afterEach(async () => {
  await talk[Symbol.asyncDispose]();
  await platform.stop();
  await script.stop();
});

const call = <T = Record<string, unknown>>(method: string, params: unknown) => talk.client.call<T>(method, params);
const asked = (kind: "exec" | "plugin" = "exec") => talk.client.event(`${kind}.approval.requested`).then(({ id }) => String(id));
/** A call of that tool waits. */
async function waiting(tool: string, args: unknown = {}) {
  script.answer([asks(tool, args)], says("ok"));
  const runId = await talk.say("read", { attachments: [letter("x")] });
  return { runId, id: await asked(tool === "shell" || tool === "exec" ? "exec" : "plugin") };
}
const ran = () => script.tools.map(({ name }) => name);
const lastRequest = () => JSON.stringify(script.models.at(-1)?.request.messages);

test("a request is found by its id, answered by its kind once, and stands in the history", async () => {
  const { id, runId } = await waiting("save", { text: "a note" });
  expect(await call("approval.get", { id })).toMatchObject({
    approval: { id, status: "pending", urlPath: `/approve/${id}`, presentation: { kind: "plugin", toolName: "save", detail: "a note" } },
  });
  await expect(call("approval.resolve", { id, kind: "exec", decision: "deny" })).rejects.toMatchObject({ code: "APPROVAL_UNKNOWN" });
  const allowed = { id, status: "allowed", decision: "allow-once", reason: "user" };
  expect(await call("approval.resolve", { id, kind: "plugin", decision: "allow-once" })).toMatchObject({
    applied: true,
    approval: allowed,
  });
  expect(await call("approval.resolve", { id, kind: "plugin", decision: "deny" })).toMatchObject({ applied: false, approval: allowed });
  await talk.end(runId);
  expect(ran()).toEqual(["save"]);

  const second = await waiting("shell");
  await call("approval.resolve", { id: second.id, kind: "exec", decision: "deny" });
  await talk.end(second.runId);
  const first = await call<{ items: { id: string }[]; nextCursor: string }>("approval.history", { limit: 1 });
  expect(first.items).toMatchObject([{ id: second.id, status: "denied", decision: "deny" }]);
  const rest = await call("approval.history", { limit: 1, cursor: first.nextCursor });
  expect(rest).toMatchObject({ items: [{ id }] });
  expect(rest["nextCursor"]).toBeUndefined();
  expect(await call("approval.history", { kind: "plugin" })).toMatchObject({ items: [{ id }] });
});

test("who follows a session with its approvals is told what waits there, and what becomes of it; nobody else is", async () => {
  const follower = await talk.gateway.connect();
  const reader = await talk.gateway.connect({ scopes: ["operator.read"] });
  const { id, runId } = await waiting("shell", { text: "ls" });
  const pending = { id, status: "pending", presentation: { kind: "exec", commandText: "ls" } };
  const follow = { key: "main", includeApprovals: true };
  expect(await follower.call<object>("sessions.messages.subscribe", follow)).toMatchObject({
    approvalReplay: { sessionKey: MAIN, approvals: [pending], truncated: false },
  });
  expect(await reader.call<object>("sessions.messages.subscribe", follow)).toEqual({ subscribed: true, key: MAIN });
  await call("exec.approval.resolve", { id, decision: "deny" });
  expect(await follower.event("session.approval")).toMatchObject({
    sessionKey: MAIN,
    phase: "terminal",
    approval: { id, status: "denied" },
  });
  await talk.end(runId);
  const next = await waiting("save");
  expect(await follower.event("session.approval", ({ phase }) => phase === "pending")).toMatchObject({ approval: { id: next.id } });
  await follower.call("sessions.messages.unsubscribe", { key: "main" });
  await call("plugin.approval.resolve", { id: next.id, decision: "deny" });
  await talk.end(next.runId);
  await follower.call("health", {});
  expect(follower.eventsOf("session.approval")).toHaveLength(2);
  expect([...reader.eventsOf("session.approval"), ...talk.client.eventsOf("session.approval")]).toEqual([]);
});

test("all that a client says of a command is shown, its variables by name alone, and only decisions that it takes are taken", async () => {
  const { accepted, final } = talk.client.callTwice("exec.approval.request", {
    ...{ commandArgv: ["git", "commit", "-m", "it's done"], cwd: "/work\u202e", resolvedPath: "/usr/bin/git", host: "gateway" },
    ...{ env: { DEPLOY_KEY: "hunter2hunter2" }, warningText: "as root\u0007", unavailableDecisions: ["allow-always"], twoPhase: true },
    scope: { kind: "message-send", target: "the team", recipientCount: 3, recipients: ["ada"] },
  });
  const { id } = (await accepted) as { id: string };
  const [waits] = (await call<{ approvals: Record<string, unknown>[] }>("approvals.list", {})).approvals;
  expect(waits?.["arguments"]).toBe(
    [
      "git commit -m 'it'\\''s done'",
      "",
      "in the folder: /work⟨U+202E⟩",
      "on: gateway",
      "the program is: /usr/bin/git",
      "with the variables: DEPLOY_KEY",
      "it would: send a message to the team, 3 recipients: ada, …",
    ].join("\n"),
  );
  expect(waits?.["why"]).toMatch(/asks: as root⟨U\+0007⟩$/);
  expect(waits?.["allowedDecisions"]).toEqual(["allow-once", "deny"]);
  await expect(call("exec.approval.resolve", { id, decision: "allow-always" })).rejects.toMatchObject({ code: "APPROVAL_DECISION" });
  await call("exec.approval.resolve", { id, decision: "allow-once" });
  expect(await final).toMatchObject({ id, decision: "allow-once" });
});

test("what cannot be done with a request is refused, and named", async () => {
  const refusals: readonly (readonly [params: object, said: string])[] = [
    [{}, "expected command or commandArgv"],
    [{ command: "ls", unavailableDecisions: ["deny"] }, "the owner can always deny"],
    [{ command: "ls", turnSourceTo: "room" }, "at /turnSourceTo: expected no such property"],
    [{ command: "ls", systemRunPlan: {} }, "at /systemRunPlan: expected no such property"],
  ];
  for (const [params, said] of refusals) await expect(call("exec.approval.request", params)).rejects.toThrow(said);
});

test("a request for clients alone is not asked in the owner's chat", async () => {
  script.otherwise(says("hello"));
  platform.say("room", "ada", "hello");
  await platform.message(0);
  const quiet = talk.client.callTwice("exec.approval.request", { command: "ls", twoPhase: true, deliverToApprovalClientsOnly: true });
  const { id } = (await quiet.accepted) as { id: string };
  const loud = talk.client.callTwice("exec.approval.request", { command: "df", twoPhase: true });
  const { id: other } = (await loud.accepted) as { id: string };
  expect((await platform.message(1)).text).toContain("df");
  for (const one of [id, other]) await call("exec.approval.resolve", { id: one, decision: "deny" });
  await Promise.all([quiet.final, loud.final]);
  expect(platform.posted.some(({ text }) => text.includes("ls"))).toBe(false);
});

test("the list of commands lets run, asks and forbids, and is replaced only by who has read it", async () => {
  const before = await call<{ exists: boolean; hash: string }>("exec.approvals.get", {});
  expect(before).toMatchObject({ exists: false, resolvedDefaults: { security: "full", ask: "off", askFallback: "deny" } });
  const file = { version: 1, agents: { main: { security: "allowlist", ask: "off", allowlist: [{ pattern: "echo" }] } } };
  const { hash } = await call<{ hash: string }>("exec.approvals.set", { file, baseHash: before.hash });
  script.answer([asks("exec", { command: "echo listed" }), asks("exec", { command: "echo $(id)" })], says("ok"));
  await talk.ask("go", { attachments: [letter("x")] });
  expect(lastRequest()).toContain("listed\\n");
  expect(lastRequest()).toContain("the owner's list of commands does not have it");
  for (const baseHash of [undefined, before.hash])
    await expect(call("exec.approvals.set", { file, baseHash })).rejects.toMatchObject({ code: "APPROVAL_LIST_CHANGED" });
  await call("exec.approvals.set", { file: { version: 1, defaults: { ask: "always" } }, baseHash: hash });
  script.answer([asks("exec", { command: "echo again" })], says("ok"));
  const runId = await talk.say("once more", { sessionKey: "agent:main:clean" });
  await asked();
  const [waits] = await call<{ id: string; request: object }[]>("exec.approval.list", {});
  expect(waits?.request).toMatchObject({ command: "echo again", warningText: "Your list of commands wants it." });
  await call("exec.approval.resolve", { id: waits?.id, decision: "deny" });
  await talk.end(runId);
  for (const wrong of [
    { version: 1, defaults: { askFallback: "full" } },
    { version: 1, agents: { main: { mcpTools: [] } } },
  ])
    await expect(call("exec.approvals.set", { file: wrong })).rejects.toThrow("invalid exec.approvals.set params: at /file/");
  const clerk = await talk.gateway.connect({ scopes: ["operator.approvals"] });
  await expect(clerk.call("exec.approvals.get", {})).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
});

test("only one plain command of the listed program is on the list", () => {
  const patterns = ["git", "/usr/bin/ls", "/opt/tools/*", "*"];
  const listed = (command: string, of = patterns) => isListed(of, command);
  expect(["git", "git status -s", "/usr/bin/ls -l /tmp", "/opt/tools/build x=1"].filter((one) => !listed(one))).toEqual([]);
  const not = [
    ...["git status; rm -rf ~", "git status && ls", "git $(id)", "git `id`", "git status\nrm x", "git > x", "git status | sh", "git 'a'"],
    ...["\u00a0/usr/bin/git status", "\ufeffgit status", "git\u3000", "git\nstatus"],
    ...["GIT_DIR=x git status", "./git status", "/usr/bin/../bin/ls", "bin/git", "git {a,b}", "git ~", "git *", "", " "],
  ];
  expect(not.filter((one) => listed(one, ["git", "/usr/bin/*", "ls"]))).toEqual([]);
  expect(listed("ls", ["/usr/bin/ls"])).toBe(false);
});

test("what was allowed from now on is listed, and asks again once it is taken back", async () => {
  const { id, runId } = await waiting("shell");
  await call("approvals.answer", { code: id, decision: "allow-always" });
  await talk.end(runId);
  expect(await call("approvals.grants", {})).toEqual({ grants: [{ sessionKey: MAIN, tool: "shell" }] });
  expect(await call("approvals.revoke", { sessionKey: MAIN, tool: "shell" })).toEqual({ revoked: true });
  expect(await call("approvals.revoke", { sessionKey: MAIN, tool: "shell" })).toEqual({ revoked: false });
  const { length } = talk.client.eventsOf("exec.approval.requested");
  script.answer([asks("shell")], says("no"));
  const again = await talk.say("again");
  let seen = 0;
  const { id: next } = await talk.client.event("exec.approval.requested", () => ++seen > length);
  await call("exec.approval.resolve", { id: next, decision: "deny" });
  await talk.end(again);
  expect(ran()).toEqual(["shell"]);
});
