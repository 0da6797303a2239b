/** What follows when a plugin's process goes away: who called is served or told when to come again, and what worked before comes back. */
import { describe, expect, test } from "bun:test";
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { defaultLimits, type HostKit, type HostOptions, startHost, writePlugin } from "../../tests/fixtures/plugin-host.ts";

const { signal } = new AbortController();
const io = { signal };
const caller = { connection: { caps: new Set() }, role: "operator", scopes: [], signal, accepted: () => undefined } as never;
const turn = () => new Promise((next) => setImmediate(next));
const ask = async (kit: HostKit, method: string, params: object = {}) =>
  (await kit.host.methods.find(method)!.resolve()).invoke(params, caller);
const confinement = async () => ({ missing: "these tests run without one", mend: "" });

const Life = Type.Object({ life: Type.Integer() });
const pool = defineContract({
  id: "pool",
  version: 1,
  arity: "one",
  members: {
    ask: call(Type.Object({}), Life, { safe: true }),
    spend: call(Type.Object({}), Life),
    read: stream(Type.Object({ after: Type.Integer() }), Life, Life, { safe: true }),
    drink: stream(Type.Object({ after: Type.Integer() }), Life, Life),
  },
});
const imports = `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const Life = Type.Object({ life: Type.Integer() });
const After = Type.Object({ after: Type.Integer() });
const pool = defineContract({ id: "pool", version: 1, arity: "one", members: { ask: call(Type.Object({}), Life, { safe: true }), spend: call(Type.Object({}), Life),
  read: stream(After, Life, Life, { safe: true }), drink: stream(After, Life, Life) } });
const method = (name, params, result) => defineMethod({ name, summary: "x", scope: "any", params, result });
`;
/** In its first life it answers nothing, or a stream nothing after so many items. */
const frail = `${imports}
export default definePlugin({ setup(ctx) {
  let counted;
  const lives = () => (counted ??= (async () => { const life = ((await ctx.store.get("life")) ?? 0) + 1; await ctx.store.set({ life }); return life; })());
  const answer = async () => { const life = await lives(); if (life > 1) return { life }; ctx.log.info("frail.waits"); await new Promise(() => {}); };
  async function* items({ after }) { for (let n = 0; n < after; n++) yield { life: await lives() }; const last = await answer(); yield last; return last; }
  ctx.provide(pool, "frail", {}, { ask: answer, spend: answer, read: items, drink: items });
} });`;
/** The same, over the border of a process of its own. */
const asker = `${imports}
const Outcome = Type.Object({ items: Type.Array(Type.Integer()), life: Type.Integer(), code: Type.String() });
export default definePlugin({ uses: { pool }, setup(ctx) {
  ctx.method(method("asker.asks", Type.Object({ member: Type.String(), after: Type.Integer() }), Outcome), async ({ member, after }) => {
    const items = [];
    try {
      const { signal } = new AbortController();
      if (member === "ask" || member === "spend") return { items, code: "", ...(await ctx.uses.pool[member]({}, { signal })) };
      const stream = ctx.uses.pool[member]({ after }, { signal });
      for (;;) { const { done, value } = await stream.next(); if (done) return { items, code: "", ...value }; items.push(value.life); }
    } catch (error) { return { items, life: 0, code: error.code + " " + error.retryable }; }
  });
} });`;

interface Outcome {
  readonly items: readonly number[];
  readonly life: number;
  readonly code: string;
}
async function asks(kit: HostKit, member: keyof typeof pool.members, after: number): Promise<Outcome> {
  const items: number[] = [];
  const held = kit.host.handle(pool);
  try {
    if (member === "ask" || member === "spend") return { items, code: "", ...(await held[member]({}, io)) };
    const reading = held[member]({ after }, io);
    for (;;) {
      const { done, value } = await reading.next();
      if (done) return { items, code: "", ...value };
      items.push(value.life);
    }
  } catch (error) {
    const { code, retryable } = error as { code: string; retryable: boolean };
    return { items, life: 0, code: `${code} ${retryable}` };
  }
}

describe.each(["here", "in a process of its own"])("asked by who runs %s", (where) => {
  const gone = { life: 0, code: "PLUGIN_GONE true" };
  test.each([
    ["a safe call is made again", "ask", 0, { items: [], life: 2, code: "" }],
    ["a call that is not safe is told of", "spend", 0, { items: [], ...gone }],
    ["a safe stream that has not begun is begun again", "read", 0, { items: [2], life: 2, code: "" }],
    ["a safe stream that has begun is told of", "read", 1, { items: [1], ...gone }],
    ["a stream that is not safe is told of", "drink", 0, { items: [], ...gone }],
  ] as const)(
    "%s when its process dies",
    async (_, member, after, expected) => {
      const isHere = where === "here";
      await using kit = await startHost({
        confinement,
        config: { plugins: { frail: { isolation: "process" }, asker: { isolation: "process" } } },
        async prepare(plugins) {
          await writePlugin(plugins, "frail", frail);
          if (!isHere) await writePlugin(plugins, "asker", asker);
        },
      });
      const asking = isHere ? asks(kit, member, after) : ask(kit, "asker.asks", { member, after });
      await kit.logged("frail.waits");
      process.kill(kit.host.inspect("frail").pid!, "SIGKILL");
      expect(await asking).toEqual(expected);
    },
    120_000,
  );
});

const mortal = (version: number, answer = "") => `${imports}
export default definePlugin({ setup(ctx) {
  ctx.method(method("mortal.look", Type.Object({}), Type.Object({ version: Type.Integer() })), () => ({ version: ${version} }));
  ctx.method(method("mortal.dies", Type.Object({}), Type.Object({})), () => { ${answer} process.exit(1); });
} });`;
const startMortal = (options: HostOptions, isolation = "process") =>
  startHost({
    ...{ confinement, config: { plugins: { mortal: { isolation } } } },
    prepare: (plugins) => writePlugin(plugins, "mortal", mortal(1), { idleSeconds: 1 }).then(() => undefined),
    ...options,
  });
const dies = async (kit: HostKit) => {
  await expect(ask(kit, "mortal.dies")).rejects.toMatchObject({ code: "PLUGIN_GONE" });
  while (kit.host.inspect("mortal").pid !== undefined) await turn();
};

test("who calls in the pause after a second end is told when it is over", async () => {
  const clock = createManualClock();
  await using kit = await startMortal({ clock });
  await dies(kit);
  expect(await ask(kit, "mortal.look")).toEqual({ version: 1 });
  await dies(kit);
  const early = { code: "PLUGIN_GONE", retryable: true, retryAfterMs: defaultLimits.retryFirstMs };
  await expect(ask(kit, "mortal.look")).rejects.toMatchObject(early);
  await clock.advance(400);
  await expect(ask(kit, "mortal.look")).rejects.toMatchObject({ ...early, retryAfterMs: defaultLimits.retryFirstMs - 400 });
  await clock.advance(600);
  expect(await ask(kit, "mortal.look")).toEqual({ version: 1 });
}, 120_000);

test.each([
  [
    "process",
    "whose process ends too often",
    "PLUGIN_CRASHED",
    "process.exit(1);",
    /ended 2 times in 300000 ms, and was rolled back: "pincer plugins reload mortal" tries it again/,
  ],
  [
    "process",
    "that fails too often",
    "PLUGIN_FAULT",
    "null.x;",
    /generation 2 of mortal failed 2 times and was rolled back: "pincer plugins reload mortal" tries/,
  ],
  ["inline", "that fails too often", "PLUGIN_FAULT", "null.x;", /generation 2 of mortal failed 2 times and was rolled back/],
] as const)(
  "%s: the version before one %s runs from its own code, and is listed with the reason, until it is reloaded",
  async (isolation, _, code, answer, said) => {
    const clock = createManualClock();
    const limits = { ...defaultLimits, crashes: 1, faults: 1 };
    // Linked, or under development: one folder, whose files are those of the newest version whatever runs.
    await using kit = await startMortal({ clock, limits: () => limits }, isolation);
    const look = () => ask(kit, "mortal.look") as Promise<{ version: number }>;
    await look();
    await writePlugin(kit.plugins, "mortal", `${mortal(2, answer)}\n// ctx.method(more)`, { idleSeconds: 1, summary: "Newer." });
    await kit.host.reload("mortal");
    expect(await look()).toEqual({ version: 2 });
    for (let n = 0; n < 2; n++) await ask(kit, "mortal.dies").catch(() => undefined);
    await kit.logged("plugin.rolled-back");
    const rolledBack = { state: "active", manifest: { summary: "A test's." }, error: { code, message: expect.stringMatching(said) } };
    while (kit.host.inspect("mortal").error?.code !== code || (await look()).version !== 1) await turn();
    expect(kit.host.inspect("mortal")).toMatchObject(rolledBack);
    // Unloaded for want of calls, and started anew: the folder is not looked at.
    await clock.advance(2_000);
    while (kit.host.inspect("mortal").state !== "idle" && kit.host.inspect("mortal").pid !== undefined) await turn();
    expect(await look()).toEqual({ version: 1 });
    expect(kit.host.inspect("mortal")).toMatchObject(rolledBack);
    // Reloaded, it is as the folder says.
    await writePlugin(kit.plugins, "mortal", mortal(3), { idleSeconds: 1, summary: "Mended." });
    await kit.host.reload("mortal");
    expect(await look()).toEqual({ version: 3 });
    expect(kit.host.inspect("mortal")).toMatchObject({ state: "active", manifest: { summary: "Mended." }, error: undefined });
  },
  120_000,
);
