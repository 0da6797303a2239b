/** What every channel promises, checked in a real gateway, in every mode, against an imitated platform, with the faults of a network in between. */
import { expect } from "bun:test";
import { type ChannelStatus, channel } from "../contracts/channel.ts";
import { accountOf, byName, type ChannelPlatform, type ChannelSuite, type House, hello, timesSaid } from "./channel-platform.ts";
import { declareTalk, growing, growingAnswer } from "./channel-talk.ts";
import { declareTrouble } from "./channel-trouble.ts";
import { inEveryMode, shared } from "./every-mode.ts";
import type { FaultName, Faults } from "./faults.ts";
import type { Mode } from "./modes.ts";
import type { PluginKit, StartPluginOptions } from "./plugin.ts";

export type { ChannelPlatform, ChannelSuite, House, Posted, Said } from "./channel-platform.ts";

const io = () => ({ signal: new AbortController().signal });

/** A test that breaks the connection may be followed by one that needs it. */
async function connected(kit: PluginKit, channelId: string): Promise<void> {
  while ((await accountOf(kit, channelId))?.connected !== true) await new Promise((resolve) => setImmediate(resolve));
}

export function channelSuite(given: ChannelSuite): void {
  const suite = byName(given);
  const channelId = suite.channel ?? suite.name;
  const fails = (fault: FaultName) => suite.network.faults.includes(fault);
  /** Pauses between attempts are short, so that a test waits for events alone; who is not named is not answered, and what is posted is whole. */
  const settings = {
    channels: {
      defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 },
      [channelId]: { direct: "allowlist", streaming: "off" },
    },
  };

  async function startHouse(mode: Mode, over: Pick<StartPluginOptions, "settings" | "clock"> = {}): Promise<House> {
    await using opened = new AsyncDisposableStack();
    const { clock } = over;
    const platform = opened.use(await suite.startPlatform(clock && { now: () => clock.now() }));
    const faults: Faults = opened.use(await suite.network.start(platform.url));
    const kit = opened.use(await suite.startPlugin(faults.url, { settings, mode, ...over }, [hello.from]));
    await connected(kit, channelId);
    const lifetime = opened.move();
    return { platform, faults, kit, [Symbol.asyncDispose]: () => lifetime.disposeAsync() };
  }
  /** The same house for a test to which what came before it is nothing. */
  async function asNew(house: House): Promise<House> {
    const { platform, faults } = house;
    const before = platform.posted.length;
    faults.clear();
    await connected(house.kit, channelId);
    const view: ChannelPlatform = {
      ...platform,
      press: (index, from, label) => platform.press?.(before + index, from, label),
      get posted() {
        return platform.posted.slice(before);
      },
      message: (index) => platform.message(before + index),
      [Symbol.asyncDispose]: async () => undefined,
    };
    return { ...house, platform: view, [Symbol.asyncDispose]: async () => undefined };
  }
  const address = { channel: channelId, account: "default", conversation: suite.idOf("room-1") };
  const send = (kit: PluginKit) =>
    kit.uses(channel, suite.channel).send({ address, text: "out", idempotencyKey: crypto.randomUUID() }, io());

  inEveryMode(`${suite.name} keeps the promises of a channel`, (mode, test) => {
    const whole = shared(() => startHouse(mode));
    const startFresh = () => startHouse(mode);
    // It takes its time to start, so that most tests share one.
    const start = async () => asNew(await whole());

    if (mode !== "loopback") {
      test("a message is answered in its conversation", async () => {
        await using house = await start();
        house.platform.say(hello);
        expect(await house.platform.message(0)).toMatchObject({ conversation: "room-1", text: expect.stringContaining("hello") });
        expect(house.kit.model.models.length).toBeGreaterThan(0);
      });

      test("a stranger is not answered", async () => {
        await using house = await start();
        house.platform.say({ conversation: "room-9", from: "mallory", text: "let me in" });
        house.platform.say(hello);
        expect((await house.platform.message(0)).conversation).toBe("room-1");
        expect(house.platform.posted).toHaveLength(1);
      });

      test("what the platform hands out twice is answered once", async () => {
        await using house = await start();
        if (fails("duplicate")) house.faults.next(suite.receives, ...Array<"duplicate">(5).fill("duplicate"));
        house.platform.say(hello);
        await house.platform.message(0);
        house.platform.say({ ...hello, text: "and now?" });
        await house.platform.message(1);
        expect([timesSaid(house.platform, "hello"), timesSaid(house.platform, "and now?")]).toEqual([1, 1]);
      });

      test("what comes out of order is all answered", async () => {
        await using house = await start();
        house.faults.disconnect();
        for (const text of ["one", "two", "three"]) house.platform.say({ ...hello, conversation: `room-${text}`, text });
        if (fails("reorder")) house.faults.next(suite.receives, ...Array<"reorder">(3).fill("reorder"));
        house.faults.connect();
        await house.platform.message(2);
        expect(["one", "two", "three"].map((text) => timesSaid(house.platform, text))).toEqual([1, 1, 1]);
      });

      for (const fault of ["refused", "lost", "cut", "rate-limited", "unavailable"] as const) {
        if (!fails(fault)) continue;
        test(`a platform that fails while it is asked for messages (${fault}) is asked again`, async () => {
          await using house = await start();
          house.faults.disconnect();
          house.faults.next(suite.receives, fault);
          house.faults.connect();
          house.platform.say(hello);
          await house.platform.message(0);
          expect(timesSaid(house.platform, "hello")).toBe(1);
        });
      }

      test("a platform that takes its time is waited for", async () => {
        await using house = await start();
        const gate = Promise.withResolvers<void>();
        house.faults.next(suite.sends, { held: gate.promise });
        house.platform.say(hello);
        await house.platform.message(0);
        gate.resolve();
        house.platform.say({ ...hello, text: "again" });
        await house.platform.message(1);
        expect(timesSaid(house.platform, "hello")).toBe(1);
      });

      test("what was written while the gateway was away is answered, and nothing twice", async () => {
        await using first = await startFresh();
        first.platform.say(hello);
        await first.platform.message(0);
        const { home, url } = { home: first.kit.home, url: first.faults.url };
        await first.kit.stop();
        first.platform.say({ ...hello, text: "are you back?" });
        await using _second = await suite.startPlugin(url, { settings, home, mode }, [hello.from]);
        await first.platform.message(1);
        expect([timesSaid(first.platform, "hello"), timesSaid(first.platform, "are you back?")]).toEqual([1, 1]);
      });

      test("a newer generation takes the connection over, and no message is lost", async () => {
        await using house = await start();
        house.platform.say(hello);
        await house.platform.message(0);
        await house.kit.reload();
        house.platform.say({ ...hello, text: "still there?" });
        await house.platform.message(1);
        expect(timesSaid(house.platform, "still there?")).toBe(1);
      });
    }

    test("a message is sent, and its id is given back", async () => {
      await using house = await start();
      const { messageId } = await send(house.kit);
      expect(messageId).not.toBe("");
      expect(house.platform.posted).toMatchObject([{ conversation: "room-1", text: "out" }]);
    });

    test("each way in which a platform refuses a message has its code", async () => {
      await using house = await start();
      const codes = async (fault: Parameters<Faults["next"]>[1]) => {
        house.faults.next(suite.sends, fault);
        return send(house.kit).catch((error) => ({ code: error.code, retryAfterMs: error.retryAfterMs }));
      };
      if (fails("rate-limited")) expect(await codes("rate-limited")).toEqual({ code: "CHANNEL_RATE_LIMITED", retryAfterMs: 2000 });
      if (fails("unavailable")) expect(await codes("unavailable")).toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
      expect(await codes("rejected")).toMatchObject({ code: "CHANNEL_REJECTED" });
      expect(house.platform.posted).toEqual([]);
    });

    for (const fault of ["lost", "cut"] as const) {
      test(`a message whose answer did not come whole (${fault}) may have been sent, and nothing else is claimed`, async () => {
        await using house = await start();
        house.faults.next(suite.sends, fault);
        const code = await send(house.kit).then(
          () => "sent",
          (error) => error.code,
        );
        expect(suite.idempotentSend ? ["CHANNEL_UNCERTAIN", "CHANNEL_UNAVAILABLE"] : ["CHANNEL_UNCERTAIN"]).toContain(code);
        expect(house.platform.posted).toHaveLength(1);
      });
    }

    test("a connection that is asked to end, ends", async () => {
      await using house = await startFresh();
      await house.kit.call("channels.stop", { channel: channelId });
      const asked = new AbortController();
      const seen: ChannelStatus["state"][] = [];
      for await (const { state } of house.kit.uses(channel, suite.channel).start({ account: "default" }, { signal: asked.signal })) {
        seen.push(state);
        if (state === "connected") asked.abort();
      }
      expect(seen.at(-1)).toBe("connected");
    });

    if (mode === "process") {
      test("killed in the middle of a call, it is told as gone to whoever called", async () => {
        await using house = await startFresh();
        expect(await house.kit.crash(() => send(house.kit))).toMatchObject({ code: "PLUGIN_GONE", retryable: true });
        house.platform.say(hello);
        await house.platform.message(0);
        expect(timesSaid(house.platform, "out")).toBe(0);
      });

      test("killed when the platform has a message and its answer has not come, it sends nothing twice, and is there again", async () => {
        await using house = await startFresh();
        const gate = Promise.withResolvers<void>();
        house.faults.next(suite.sends, { held: gate.promise });
        house.platform.say(hello);
        await house.platform.message(0);
        await house.kit.crash();
        gate.resolve();
        house.platform.say({ ...hello, conversation: "room-2", text: "still there?" });
        await house.platform.message(1);
        expect([timesSaid(house.platform, "hello"), timesSaid(house.platform, "still there?")]).toEqual([1, 1]);
      });

      if (suite.edits === true)
        test("killed while an answer grows, it edits on what is shown, and there is one message, which says the whole", async () => {
          await using house = await startHouse(mode, { settings: growing({ channelId, settings }) });
          const { grow, text } = growingAnswer(house, "The first sentence. ", "The second one. ", "The third one.");
          house.platform.say(hello);
          await house.platform.message(0);
          grow();
          // That it is edited shows that it is known to have been posted.
          await house.platform.until?.(() => timesSaid(house.platform, "The second one") === 1);
          await house.kit.crash();
          grow();
          await house.platform.until?.(() => house.platform.posted[0]?.text === text);
          house.platform.say({ ...hello, text: "still there?" });
          await house.platform.message(1);
          expect([timesSaid(house.platform, "The first sentence"), timesSaid(house.platform, "still there?")]).toEqual([1, 1]);
        });
    }

    const parts = {
      suite,
      channelId,
      mode,
      test,
      start,
      startFresh: (over?: Parameters<typeof startHouse>[1]) => startHouse(mode, over),
      settings,
    };
    if (mode !== "loopback") declareTalk(parts);
    declareTrouble(parts);

    test("unloading leaves nothing behind", async () => {
      await using house = await start();
      house.platform.say(hello);
      await house.platform.message(0);
      await house.kit.unload();
      expect(house.kit.residue()).toEqual([]);
    });
  });
}
