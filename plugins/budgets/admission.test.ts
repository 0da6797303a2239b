/** Work that nobody waits for in a conversation, such as a scheduled job or a sub-agent, is refused before it is admitted. */
import { expect, test } from "bun:test";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { turn } from "@pincer/plugin-sdk/contracts/turn";
import { type Spending, startSpending } from "../../tests/fixtures/budgets.ts";

const io = { signal: new AbortController().signal };

/** What a plugin holds that wakes an agent by itself. */
const waker = ({ gateway: { gateway } }: Spending) => ({ turns: gateway.host.handle(turn), jobs: gateway.host.handle(lanes) });

const request = (runId: string, more: object = {}) => ({
  runId,
  sessionKey: "agent:main:cron:nightly",
  agentId: "main",
  owner: true,
  text: "Tidy up.",
  ...more,
});

test("a scheduled turn is refused at admission once the budget is used up; a message of a person is not lost", async () => {
  await using talk = await startSpending({ limits: { daily: { per: "day", usd: 0.001, soft: 1 } } });
  const { turns, jobs } = waker(talk);
  const admit = async (runId: string, more?: object) => jobs.admit({ admissions: [await turns.prepare(request(runId, more), io)] }, io);

  expect(await admit("night:1")).toMatchObject({ jobs: [{ fresh: true }] });
  expect(await jobs.wait({ key: "run:night:1" }, io)).toMatchObject({ state: "done", result: { status: "ok" } });
  await talk.client.event("budgets.reached", ({ level }) => level === "used-up");

  await expect(admit("night:2")).rejects.toMatchObject({
    code: "LANE_REFUSED",
    message: expect.stringContaining('The budget "daily" is used up: $0.0010 of $0.0010 is used today.'),
    data: { refusal: "BUDGET_USED_UP" },
    retryAfterMs: expect.any(Number),
  });
  expect(await jobs.find({ key: "run:night:2" }, io)).toBeNull();
  // What was admitted before is answered with what came of it, whatever the budget says by now.
  expect(await admit("night:1")).toMatchObject({ jobs: [{ fresh: false, state: "done" }] });
  expect(talk.script.models).toHaveLength(1);

  // A message of a channel is taken, and its turn says why there is no answer.
  const replyTo = { address: { channel: "nowhere", account: "default", conversation: "42" } };
  const sender = { id: "42", channel: "nowhere" };
  expect(await admit("person:1", { sessionKey: "agent:main:nowhere:default:42", sender, replyTo })).toMatchObject({
    jobs: [{ fresh: true }],
  });
  expect(await jobs.wait({ key: "run:person:1" }, io)).toMatchObject({
    state: "done",
    result: { status: "error", refusal: "BUDGET_USED_UP", error: expect.stringContaining('The budget "daily" is used up') },
  });
  expect(talk.script.models).toHaveLength(1);
  // The owner, who asked for none of that, was told.
  await talk.client.event("chat", ({ runId }) => String(runId).startsWith("inject:"));
  expect((await talk.notes()).at(-1)).toContain('The budget "daily" is used up');
});

test("limits of an agent and of a sender hold at admission, those of others do not", async () => {
  await using talk = await startSpending({
    limits: {
      work: { per: "day", usd: 0, agent: "work" },
      ada: { per: "month", usd: 0, user: "demo:ada" },
      two: { per: "day", usd: 0, model: "scripted/two" },
    },
  });
  const { turns, jobs } = waker(talk);
  const admit = async (runId: string, more: object) => jobs.admit({ admissions: [await turns.prepare(request(runId, more), io)] }, io);
  await expect(admit("1", { agentId: "work", sessionKey: "agent:work:subagent:1" })).rejects.toMatchObject({ code: "LANE_REFUSED" });
  await expect(admit("2", { sender: { channel: "demo", id: "ada" }, owner: false })).rejects.toMatchObject({ code: "LANE_REFUSED" });
  expect(await admit("3", {})).toMatchObject({ jobs: [{ fresh: true }] });
  expect(await jobs.wait({ key: "run:3" }, io)).toMatchObject({ result: { status: "ok" } });
});

test("a program that asks for a turn over the wire is answered with the refusal, before anything is accepted", async () => {
  await using talk = await startSpending({ limits: { daily: { per: "day", usd: 0 } } });
  await expect(talk.client.call("agent", { message: "hello", idempotencyKey: "a", sessionKey: "main" })).rejects.toMatchObject({
    code: "LANE_REFUSED",
    error: { code: "FORBIDDEN", message: expect.stringContaining('The budget "daily" is used up'), details: { refusal: "BUDGET_USED_UP" } },
  });
  expect((await talk.history()).filter(({ role }) => role === "user")).toEqual([]);
});
