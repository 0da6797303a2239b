/** What a plugin keeps in memory, through reloads, rollbacks and refusals, where its code runs here and where it runs in a process of its own. */
import { describe, expect, test } from "bun:test";
import { hasCode } from "@pincer/plugin-sdk/error";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { defaultLimits } from "../tests/fixtures/plugin-host.ts";
import { add, ask, io, look, reload, startTally, type TallyParts, tally, tallySource, turn } from "../tests/support/tally.ts";

describe.each(["inline", "process"] as const)("%s", (isolation) => {
  test("a counter under load counts everything, over 50 reloads: calls, streams, and what a service does by itself", async () => {
    const also = `
      let ticks = 0;
      ctx.service("ticks", async (signal) => {
        while (!signal.aborted) { count++; ticks++; await ctx.clock.sleep(2, signal).catch(() => undefined); }
        await ctx.store.set({ ["ticks " + crypto.randomUUID()]: ticks });
      });`;
    await using kit = await startTally(isolation, tallySource(0, { also }));
    await look(kit);
    const handle = kit.host.handle(tally);
    let counted = 0;
    let isOver = false;
    const failed: unknown[] = [];
    const once = async (n: number) => {
      if (n % 4 > 0) {
        await handle.add({}, io);
        counted++;
        return;
      }
      const items = handle.run({ times: 5 }, io);
      for (let step = await items.next(); !step.done; step = await items.next()) counted++;
    };
    const callers = Array.from({ length: 8 }, async (_, n) => {
      while (!isOver) {
        await once(n).catch((error) => failed.push(error));
        await turn();
      }
    });
    for (let version = 1; version <= 50; version++) {
      await Bun.write(`${kit.plugins}/tally/plugin.ts`, tallySource(version % 2, { also }));
      expect(await kit.host.reload("tally")).toMatchObject({ generation: version + 1 });
      // Everybody who waited is let in before the next one comes.
      const before = counted;
      while (counted < before + 16) await turn();
    }
    isOver = true;
    await Promise.all(callers);
    expect({ ...kit.host.inspect("tally"), failed }).toMatchObject({ state: "active", generation: 51, error: undefined, failed: [] });
    // The service of the last generation ends before it is looked at.
    await reload(kit, tallySource(51));
    const { count } = await look(kit);
    const rows = await kit.store.read<{ value: string }>("select value from plugin_value where key like 'ticks %'");
    const ticked = rows.reduce((sum, { value }) => sum + Number(value), 0);
    expect(rows.length).toBe(51);
    expect(count).toBe(counted + ticked);
    expect(counted).toBeGreaterThan(800);
  }, 120_000);

  const refused: readonly (readonly [what: string, before: TallyParts, next: TallyParts, code: string, said: RegExp])[] = [
    [
      "a schema that does not accept it",
      {},
      { schema: "Type.Object({ total: Type.Integer() })", snapshot: "return { total: count };", restore: "count = state.total;" },
      "PLUGIN_STATE_REFUSED",
      /generation 2 of tally does not accept the state of the generation before it at \/total: expected .*, got nothing/,
    ],
    [
      "a restore that throws",
      {},
      { restore: `throw new Error("no room");` },
      "PLUGIN_STATE_REFUSED",
      /^generation 2 of tally did not take the state over: plugin\.ts:\d+:\d+: no room$/,
    ],
    [
      "a snapshot that throws",
      { snapshot: `throw new Error("not now");` },
      {},
      "PLUGIN_STATE_REFUSED",
      /^generation 1 of tally did not hand its state over: plugin\.ts:\d+:\d+: not now$/,
    ],
    [
      "a snapshot that is not what it declares",
      { snapshot: `return { count: String(count) };` },
      {},
      "PLUGIN_STATE_REFUSED",
      /the snapshot of generation 1 of tally is not what it declares at \/count: expected/,
    ],
    [
      "a snapshot that is too large",
      { schema: "Type.Any()", snapshot: `return { count, more: "x".repeat(2 ** 20) };` },
      { schema: "Type.Any()" },
      "PLUGIN_STATE_REFUSED",
      /the state is 1048\d+ bytes long, of which 1048576 may be handed over: keep in ctx.store what grows/,
    ],
  ];
  test.each(refused)("%s leaves the present generation and its state, and says where and why", async (_, before, next, code, said) => {
    await using kit = await startTally(isolation, tallySource(1, before));
    await add(kit);
    const error = await reload(kit, tallySource(2, next)).catch((reason) => reason);
    expect(error).toMatchObject({ code, message: expect.stringMatching(said) });
    if (said.source.includes("plugin\\.ts"))
      expect(error.data).toMatchObject({ file: "plugin.ts", line: expect.any(Number), reason: expect.any(String) });
    await add(kit);
    expect(await look(kit)).toEqual({ count: 2, version: 1 });
    expect(kit.host.inspect("tally")).toMatchObject({ state: "active" });
  });

  test("a restore that does not end leaves the present generation when its time is up, and whoever came meanwhile is served by it", async () => {
    const clock = createManualClock();
    await using kit = await startTally(isolation, tallySource(1), { clock });
    await add(kit);
    const reloading = reload(kit, tallySource(2, { restore: `ctx.log.info("restore.hangs"); await new Promise(() => {});` })).catch(
      (error) => error,
    );
    await kit.logged("restore.hangs");
    const waiting = add(kit);
    await clock.advance(defaultLimits.stateMs);
    expect(await reloading).toMatchObject({ code: "PLUGIN_TIMEOUT", message: "restore of generation 2 of tally did not end in 5000 ms" });
    expect(await waiting).toEqual({ count: 2 });
    expect(await look(kit)).toEqual({ count: 2, version: 1 });
  });

  test("a call that does not end in time is told of by name, is not cut, and its change is not lost", async () => {
    const waits = { add: `ctx.log.info("add.waits"); await gate.promise;` };
    let limits = { ...defaultLimits, stateMs: 100 };
    await using kit = await startTally(isolation, tallySource(1, waits), { limits: () => limits });
    const running = add(kit);
    await kit.logged("add.waits");
    const reloading = reload(kit, tallySource(2)).catch((error) => error);
    expect(await reloading).toMatchObject({
      code: "PLUGIN_STATE_REFUSED",
      message: expect.stringContaining("there runs tally/tally.add; try again when that has ended"),
      data: { running: ["tally/tally.add"] },
    });
    await ask(kit, "tally.open");
    expect(await running).toEqual({ count: 1 });
    limits = defaultLimits;
    await reload(kit, tallySource(2));
    expect(await look(kit)).toEqual({ count: 1, version: 2 });
  });

  test("a version that fails again and again gives its state back to the one before it, or that gets its own", async () => {
    const faulty = `if (count > 1) null.x;`;
    const limits = { ...defaultLimits, faults: 2 };
    for (const [next, count] of [
      [{ add: faulty }, 2],
      [
        {
          add: faulty,
          schema: "Type.Object({ total: Type.Integer(), count: Type.Optional(Type.Integer()) })",
          snapshot: "return { total: count };",
        },
        0,
      ],
    ] as const) {
      await using kit = await startTally(
        isolation,
        tallySource(
          1,
          count === 0
            ? {
                schema: "Type.Object({ count: Type.Optional(Type.Integer()), total: Type.Optional(Type.Literal(0)) })",
                snapshot: "return { count, total: 0 };",
              }
            : {},
        ),
        { limits: () => limits },
      );
      await look(kit);
      await reload(kit, tallySource(2, next));
      for (let n = 0; n < 2; n++) await add(kit);
      expect(await look(kit)).toEqual({ count: 2, version: 2 });
      for (let n = 0; n < 3; n++) await expect(add(kit)).rejects.toMatchObject({ code: "PLUGIN_FAULT" });
      await kit.logged("plugin.rolled-back");
      while ((await look(kit)).version !== 1) await turn();
      expect(await look(kit)).toEqual({ count, version: 1 });
      const lost = kit.lines.filter(({ event }) => event === "plugin.state-lost").map(({ fields }) => fields["error"]);
      expect(lost).toEqual(count === 0 ? [expect.stringContaining("generation 3 of tally does not accept")] : []);
    }
  });

  test("a connection that the next version cannot make goes back, with the state", async () => {
    await using kit = await startTally(isolation, tallySource(1));
    const connected = new Map<number, PromiseWithResolvers<void>>();
    const times = (n: number) => connected.get(n) ?? connected.set(n, Promise.withResolvers()).get(n)!;
    let count = 0;
    const stop = new AbortController();
    const managing = (async () => {
      while (!stop.signal.aborted) {
        try {
          for await (const _ of kit.host.handle(tally).line({}, { signal: stop.signal })) times(++count).resolve();
        } catch (error) {
          if (!hasCode(error, "PLUGIN_REPLACED") && !hasCode(error, "PLUGIN_FAULT")) throw error;
        }
      }
    })();
    await times(1).promise;
    await add(kit);
    await reload(kit, tallySource(2));
    await times(2).promise;
    // What the connection changed when it ended is part of it.
    expect(await look(kit)).toEqual({ count: 2, version: 2 });
    await expect(reload(kit, tallySource(3, { line: `throw new Error("no line");` }))).rejects.toMatchObject({
      code: "PLUGIN_NOT_CONNECTED",
    });
    await times(3).promise;
    expect(await look(kit)).toEqual({ count: 3, version: 2 });
    stop.abort(new Error("enough"));
    await managing.catch(() => undefined);
  });

  test("a plugin with a state is not unloaded for want of calls", async () => {
    const clock = createManualClock();
    await using kit = await startTally(isolation, tallySource(1), { clock }, { idleSeconds: 1 });
    await add(kit);
    await clock.advance(2_000);
    expect(await look(kit)).toEqual({ count: 1, version: 1 });
    expect(kit.host.inspect("tally").generation).toBe(1);
  });

  test("a version that takes no state is swapped in like any other, and what is lost is told; one that gave none starts afresh", async () => {
    await using kit = await startTally(isolation, tallySource(1));
    await add(kit);
    await reload(kit, tallySource(2).replace(/ctx\.state\([\s\S]*?\n {2}\}\);/, ""));
    expect(await look(kit)).toEqual({ count: 0, version: 2 });
    expect((await kit.logged("plugin.state-lost")).fields).toMatchObject({ plugin: "tally", error: "generation 2 of tally takes none" });
    await add(kit);
    await reload(kit, tallySource(3));
    expect(await look(kit)).toEqual({ count: 0, version: 3 });
  });

  test("a state that the manifest does not declare is refused", async () => {
    await using kit = await startTally(isolation, tallySource(1));
    await look(kit);
    await Bun.write(`${kit.plugins}/tally/plugin.ts`, tallySource(2, { schema: "Type.Object({ count: Type.Number() })" }));
    await expect(kit.host.reload("tally")).rejects.toMatchObject({
      code: "PLUGIN_UNDECLARED",
      message: expect.stringContaining("state otherwise"),
    });
    await Bun.write(`${kit.plugins}/tally/plugin.ts`, tallySource(2).replace(/ctx\.state\([\s\S]*?\n {2}\}\);/, ""));
    await expect(kit.host.reload("tally")).rejects.toMatchObject({ code: "PLUGIN_MISSING", message: expect.stringContaining("state") });
    expect((await look(kit)).version).toBe(1);
  });
});
