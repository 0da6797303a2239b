import { expect, test } from "bun:test";
import { error, says, startFailover } from "../../tests/failover/vendor.ts";

const two = { a: "key-a", b: "key-b" };
const rest = (seconds: number) => error(429, "slow down", { headers: { "retry-after": `${seconds}` } });

test("a profile whose rest is over is asked by what costs nothing, and is back before a turn finds out", async () => {
  await using lab = await startFailover({ profiles: two, failover: { probe: true } });
  lab.vendor.answer(rest(30));
  lab.vendor.otherwise(() => says("ok"));
  await lab.say();
  await lab.clock.advance(30_000);
  expect(await lab.logged("failover.probed")).toMatchObject({ profile: "lab:a", possible: true });
  await Promise.all([lab.say(), lab.say()]);
  expect(lab.keys()).toEqual(["key-a", "key-b", "key-a", "key-a"]);
});

test("one that the vendor still refuses rests on, longer each time, and no turn meets it", async () => {
  await using lab = await startFailover({ profiles: two, failover: { probe: true }, lists: () => 503 });
  lab.vendor.answer(error(429));
  lab.vendor.otherwise(() => says("ok"));
  await lab.say();
  await lab.clock.advance(60_000);
  await lab.logged("failover.probed");
  expect(await lab.profile("a")).toMatchObject({ state: "cooldown", cooldownUntil: lab.clock.now() + 120_000 });
  await lab.say();
  expect(lab.keys()).toEqual(["key-a", "key-b", "key-b"]);
});

test("one that the vendor does not know any more is off", async () => {
  await using lab = await startFailover({ profiles: two, failover: { probe: true }, lists: () => 401 });
  lab.vendor.answer(rest(30), says("ok"));
  await lab.say();
  await lab.clock.advance(30_000);
  await lab.logged("failover.probed");
  expect(await lab.profile("a")).toMatchObject({ state: "failed", reason: { class: "auth" } });
});

test("a test on request says of each whether it is taken, and turns a failed one on that is", async () => {
  let status = 401;
  await using lab = await startFailover({ profiles: two, lists: (key) => (key === "key-a" ? status : 200) });
  lab.vendor.answer(error(401), says("ok"));
  await lab.say();
  const outcomes = async () => {
    const { results } = (await lab.call("failover.profiles.test", {})) as { results: readonly { profile: string; outcome: string }[] };
    return Object.fromEntries(results.map(({ profile, outcome }) => [profile, outcome]));
  };
  expect(await outcomes()).toEqual({ "lab:a": "failed", "lab:b": "ok" });
  expect(await lab.profile("a")).toMatchObject({ state: "failed" });
  status = 200;
  expect(await outcomes()).toEqual({ "lab:a": "ok", "lab:b": "ok" });
  expect(await lab.profile("a")).toMatchObject({ state: "active" });
});
