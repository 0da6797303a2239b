/** What goes wrong on a channel: it asks to wait, is away for hours, ends a login, and the gateway dies in the middle of a delivery. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { channel } from "../contracts/channel.ts";
import { accountOf, type House, hello, timesSaid } from "./channel-platform.ts";
import { type ChannelParts, growing } from "./channel-talk.ts";
import { createManualClock, type ManualClock } from "./clock.ts";

const HOUR = 3_600_000;

/** Lets time pass until that holds. A call between two steps gives requests their turn: else a busy machine would see their deadlines pass first. */
async function pass(clock: ManualClock, { kit }: House, holds: () => boolean): Promise<void> {
  while (!holds()) {
    await clock.advance(50);
    await kit.call("health");
  }
}

/** What a gateway that is killed now leaves behind: its files, as they are. */
function wreckOf(home: string): { readonly home: string } & Disposable {
  const copy = mkdtempSync(join(tmpdir(), "pincer-wreck-"));
  cpSync(home, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  return { home: copy, [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }) };
}

export function declareTrouble({ suite, channelId, mode, test, startFresh, settings }: ChannelParts): void {
  const { dated, idempotentSend, network } = suite;
  const account = ({ kit }: Pick<House, "kit">) => accountOf(kit, channelId);

  if (mode === "inline") {
    if (network.faults.includes("rate-limited") && network.faults.includes("unavailable"))
      test("an answer that the platform wants later comes then, once", async () => {
        const clock = createManualClock();
        await using house = await startFresh({ clock, settings });
        const asked = house.faults.asked();
        house.faults.next(suite.sends, "rate-limited", "unavailable");
        house.platform.say(hello);
        const began = clock.monotonic();
        await pass(clock, house, () => house.platform.posted.length > 0);
        expect(clock.monotonic() - began).toBeGreaterThan(2_000);
        expect(timesSaid(house.platform, "hello")).toBe(1);
        expect(house.faults.asked()).toBeGreaterThan(asked);
      });

    if (dated === true)
      test("after hours without a connection what was missed is read, and its writer told once that it was not answered (#39138, #55792)", async () => {
        const clock = createManualClock();
        const { defaults, ...channels } = settings["channels"] as { readonly defaults: object };
        // Time passes without waiting: else a channel would try to connect hundreds of thousands of times.
        const slower = { ...settings, channels: { ...channels, defaults: { ...defaults, reconnectLongestMs: 10_000 } } };
        await using house = await startFresh({ clock, settings: slower });
        house.platform.say({ ...hello, text: "in time" });
        await pass(clock, house, () => house.platform.posted.length === 1);
        house.faults.disconnect();
        for (const text of ["missed one", "missed two"]) house.platform.say({ ...hello, text });
        for (let minutes = 0; minutes < 120; minutes += 5) await clock.advance(HOUR / 12);
        house.platform.say({ ...hello, text: "just now" });
        house.faults.connect();
        await pass(clock, house, () => house.platform.posted.length === 3);
        const texts = house.platform.posted.map(({ text }) => text);
        expect(texts.filter((text) => text.includes("not answered"))).toHaveLength(1);
        expect(["missed one", "missed two", "just now"].map((text) => timesSaid(house.platform, text))).toEqual([0, 0, 1]);
        expect(JSON.stringify(house.kit.model.models.at(-1)?.request.messages)).toMatch(/missed one.*missed two.*just now/s);
      });
  }

  if (mode !== "loopback") {
    if (suite.revokes === true)
      test("a login that ends is told, and not tried over and over", async () => {
        await using house = await startFresh();
        house.platform.say(hello);
        // Until the gateway knows that its answer was taken, it sends it again.
        while (((await account(house))?.lastOutboundAt ?? null) === null);
        house.platform.revoke?.();
        house.faults.disconnect();
        house.faults.connect();
        while ((await account(house))?.healthState !== "login-required") await new Promise((resolve) => setImmediate(resolve));
        const asked = house.faults.asked();
        expect(await account(house)).toMatchObject({ linked: false, connected: false });
        expect((await house.kit.health()).ok).toBe(true);
        expect(house.faults.asked()).toBe(asked);
      });

    test("a gateway that is killed as soon as it is connected for the first time reads what is written from then on (#55792)", async () => {
      await using house = await startFresh();
      await house.kit.call("channels.stop", { channel: channelId });
      {
        using db = new Database(join(house.kit.home, "pincer.db"));
        db.exec("pragma busy_timeout=5000"); // the gateway writes there as well
        db.query("delete from plugin_value where key like 'position:%'").run();
      }
      const asked = new AbortController();
      const statuses = house.kit.uses(channel, suite.channel).start({ account: "default" }, { signal: asked.signal });
      for (let at = await statuses.next(); at.done !== true && at.value.state !== "connected"; ) at = await statuses.next();
      using wreck = wreckOf(house.kit.home);
      house.faults.disconnect();
      asked.abort();
      await statuses.return({});
      await house.kit.stop();
      house.platform.say(hello);

      await using road = await network.start(house.platform.url);
      await using _kit = await suite.startPlugin(road.url, { settings, mode, home: wreck.home }, [hello.from]);
      await house.platform.message(0);
      expect(timesSaid(house.platform, "hello")).toBe(1);
    });

    for (const moment of ["before the platform has the answer", "when the platform has the answer and has not said so"] as const)
      test(`a gateway that is killed ${moment} loses no message, and says nothing twice`, async () => {
        await using house = await startFresh();
        const gate = Promise.withResolvers<void>();
        const isAfter = moment.startsWith("when");
        house.platform.say({ ...hello, text: "before" });
        await house.platform.message(0);
        house.faults.next(suite.sends, isAfter ? { held: gate.promise } : { kept: gate.promise });
        const sent = house.faults.asked(suite.sends);
        house.platform.say({ ...hello, text: "in the middle" });
        if (isAfter) await house.platform.message(1);
        else while (house.faults.asked(suite.sends) === sent) await new Promise((resolve) => setImmediate(resolve));
        using wreck = wreckOf(house.kit.home);
        house.faults.disconnect();
        gate.resolve();
        await house.kit.stop();

        await using road = await network.start(house.platform.url);
        await using kit = await suite.startPlugin(road.url, { settings, mode, home: wreck.home }, [hello.from]);
        house.platform.say({ ...hello, conversation: "room-2", text: "still there?" });
        const arrived = () => timesSaid(house.platform, "still there?") === 1;
        for (let index = 1; !arrived(); index++) await house.platform.message(index);
        const isReported = async () => (await account({ kit }))?.lastUndelivered?.state === "uncertain";
        while (timesSaid(house.platform, "in the middle") === 0 && !(await isReported()))
          await new Promise((resolve) => setImmediate(resolve));
        expect(timesSaid(house.platform, "before")).toBe(1);
        expect(timesSaid(house.platform, "in the middle")).toBeLessThanOrEqual(1);
        if (idempotentSend === true) expect(timesSaid(house.platform, "in the middle")).toBe(1);
      });

    if (suite.edits === true)
      test("a gateway that is killed while an answer grows edits it on, and leaves no half of it", async () => {
        const grown = growing({ channelId, settings });
        await using house = await startFresh({ settings: grown });
        const gate = Promise.withResolvers<void>();
        house.kit.model.answer(async function* (_request, signal) {
          yield { text: "The first sentence. " };
          await gate.promise;
          yield { text: "And then" };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        });
        house.platform.say(hello);
        await house.platform.message(0);
        gate.resolve();
        await house.platform.until?.(() => timesSaid(house.platform, "And then") === 1);
        using wreck = wreckOf(house.kit.home);
        house.faults.disconnect();
        await house.kit.stop();

        await using road = await network.start(house.platform.url);
        await using _kit = await suite.startPlugin(road.url, { settings: grown, mode, home: wreck.home }, [hello.from]);
        await house.platform.until?.(() => timesSaid(house.platform, "hello") === 1);
        expect(timesSaid(house.platform, "The first sentence")).toBe(0);
        expect(house.platform.posted).toHaveLength(1);
      });
  }
}
