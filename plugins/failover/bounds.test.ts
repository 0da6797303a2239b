/** What a vendor says, and what a caller asks for, binds a profile only so far. */
import { expect, test } from "bun:test";
import { error, says, startFailover } from "../../tests/failover/vendor.ts";

const two = { a: "key-a", b: "key-b" };
const rest = (seconds: number) => error(429, "slow down", { headers: { "retry-after": `${seconds}` } });

test("a vendor that asks for a day is asked again after an hour, or what is set", async () => {
  await using lab = await startFailover({ profiles: two });
  lab.vendor.otherwise(() => says("ok"));
  lab.vendor.answer(rest(86_400));
  await lab.say();
  expect(await lab.profile("a")).toMatchObject({ cooldownUntil: lab.clock.now() + 3_600_000 });
  await using brief = await startFailover({ own: "key", failover: { retryAfterLongestMs: 10_000 } });
  brief.vendor.answer(rest(86_400));
  expect((await brief.say()).answer.failure).toMatchObject({ class: "exhausted", retryAfterMs: 10_000 });
});

test("a model that is forbidden to a key rests, and the key goes on with others", async () => {
  await using lab = await startFailover({ profiles: two, lists: () => 200, failover: { probe: true } });
  lab.vendor.answer(error(403, "no access to this model"), error(403, "no access to this model"), says("another model"));
  expect((await lab.say()).answer.failure).toMatchObject({ class: "exhausted", status: 403 });
  expect(await lab.profile("a")).toMatchObject({ state: "cooldown", reason: { class: "auth" } });
  expect((await lab.say({ model: "lab/two" })).text).toBe("another model");
  expect(lab.tried().at(-1)).toBe("two key-a");
});

test("names of models that somebody makes up are not kept for ever", async () => {
  await using lab = await startFailover({ own: "key" });
  lab.vendor.otherwise(() => error(404, "no such model"));
  lab.vendor.answer(rest(60));
  await lab.say();
  for (let made = 0; made < 250; made++) await lab.say({ model: `lab/made-up-${made}` });
  const models = (await lab.profile("environment"))?.["models"] as readonly object[];
  expect(models).toHaveLength(200);
  // What rests does so all the same.
  expect(models[0]).toMatchObject({ model: "lab/one", cooldownUntil: expect.any(Number) });
});
