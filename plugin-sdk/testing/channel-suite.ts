/** What every channel promises, checked in a real gateway, in every mode, against an imitated platform, with the faults of a network in between. */
import { expect } from "bun:test";
import { type ChannelStatus, channel } from "../contracts/channel.ts";
import { inEveryMode, shared } from "./every-mode.ts";
import { type Faults, startFaults, type Which } from "./faults.ts";
import type { Mode } from "./modes.ts";
import type { PluginKit, StartPluginOptions } from "./plugin.ts";

export interface Said {
  readonly conversation: string;
  readonly from: string;
  readonly text: string;
}

/** The platform as a test sees it: what people write there, and what the channel posts. */
export interface ChannelPlatform extends AsyncDisposable {
  readonly url: string;
  /** Somebody writes to the bot, in a direct conversation. */
  say(message: Said): void;
  /** What was posted, oldest first. */
  readonly posted: readonly { readonly conversation: string; readonly text: string }[];
  /** Resolves with the message of that place, counted from 0, once it was posted. */
  message(index: number): Promise<{ readonly conversation: string; readonly text: string }>;
}

export interface ChannelSuite {
  readonly name: string;
  startPlatform(): ChannelPlatform;
  /** Starts the plugin against a platform at that address. `settings`, `home` and `mode` are to be handed on to `startPlugin`. */
  startPlugin(
    url: string,
    options: Pick<StartPluginOptions, "settings" | "home" | "mode">,
    allowFrom: readonly string[],
  ): Promise<PluginKit>;
  /** The requests by which it fetches what people wrote, and by which it posts a message. */
  readonly receives: Which;
  readonly sends: Which;
  /** The platform's id for a name of the suite's (of a conversation such as `room-1`, or of a person), where it does not take any text. */
  readonly idOf?: (name: string) => string;
  /** The platform's name of the channel; absent: the only one that the plugin provides. */
  readonly channel?: string;
  /** The platform drops a repeated message by its key, so that one whose answer was lost may be sent again. */
  readonly idempotentSend?: boolean;
}

const io = () => ({ signal: new AbortController().signal });
const hello: Said = { conversation: "room-1", from: "ada", text: "hello" };

/** The platform with the suite's names in place of its ids. */
function named(platform: ChannelPlatform, idOf: (name: string) => string): ChannelPlatform {
  const names = new Map([[idOf(hello.conversation), hello.conversation]]);
  const id = (name: string) => {
    names.set(idOf(name), name);
    return idOf(name);
  };
  const back = <M extends { readonly conversation: string }>(message: M): M => ({
    ...message,
    conversation: names.get(message.conversation) ?? message.conversation,
  });
  return {
    url: platform.url,
    say: ({ conversation, from, text }) => platform.say({ conversation: id(conversation), from: id(from), text }),
    get posted() {
      return platform.posted.map(back);
    },
    message: async (index) => back(await platform.message(index)),
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  };
}

export function channelSuite(suite: ChannelSuite): void {
  const idOf = suite.idOf ?? ((name: string) => name);
  /** Pauses between attempts are short, so that a test waits for events alone. */
  const settings = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };

  async function startHouse(mode: Mode) {
    await using opened = new AsyncDisposableStack();
    const platform = opened.use(named(suite.startPlatform(), idOf));
    const faults: Faults = opened.use(startFaults(platform.url));
    const kit = opened.use(await suite.startPlugin(faults.url, { settings, mode }, [idOf(hello.from)]));
    const lifetime = opened.move();
    return { platform, faults, kit, [Symbol.asyncDispose]: () => lifetime.disposeAsync() };
  }
  /** The same house for a test to which what came before it is nothing. */
  async function asNew(house: Awaited<ReturnType<typeof startHouse>>): Promise<typeof house> {
    const { platform, faults } = house;
    const before = platform.posted.length;
    faults.clear();
    const view: ChannelPlatform = {
      url: platform.url,
      say: platform.say,
      get posted() {
        return platform.posted.slice(before);
      },
      message: (index) => platform.message(before + index),
      [Symbol.asyncDispose]: async () => undefined,
    };
    return { ...house, platform: view, [Symbol.asyncDispose]: async () => undefined };
  }
  const address = { channel: suite.channel ?? suite.name, account: "default", conversation: idOf("room-1") };
  const send = (kit: PluginKit) =>
    kit.uses(channel, suite.channel).send({ address, text: "out", idempotencyKey: crypto.randomUUID() }, io());
  const timesSaid = ({ posted }: ChannelPlatform, text: string) => posted.filter((one) => one.text.includes(text)).length;

  inEveryMode(`${suite.name} keeps the promises of a channel`, (mode, test) => {
    const whole = shared(() => startHouse(mode));
    const startFresh = () => startHouse(mode);
    // A process takes its time to start, so that most tests share one.
    const start = async () => (mode === "process" ? asNew(await whole()) : startFresh());

    if (mode !== "loopback") {
      test("a message is answered in its conversation", async () => {
        await using house = await start();
        house.platform.say(hello);
        expect(await house.platform.message(0)).toEqual({ conversation: "room-1", text: expect.stringContaining("hello") });
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
        house.faults.next(suite.receives, ...Array<"duplicate">(5).fill("duplicate"));
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
        house.faults.next(suite.receives, ...Array<"reorder">(3).fill("reorder"));
        house.faults.connect();
        await house.platform.message(2);
        expect(["one", "two", "three"].map((text) => timesSaid(house.platform, text))).toEqual([1, 1, 1]);
      });

      for (const fault of ["refused", "lost", "cut", "rate-limited", "unavailable"] as const) {
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
        await using _second = await suite.startPlugin(url, { settings, home, mode }, [idOf(hello.from)]);
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
      expect(house.platform.posted).toEqual([{ conversation: "room-1", text: "out" }]);
    });

    test("each way in which a platform refuses a message has its code", async () => {
      await using house = await start();
      const codes = async (fault: Parameters<Faults["next"]>[1]) => {
        house.faults.next(suite.sends, fault);
        return send(house.kit).catch((error) => ({ code: error.code, retryAfterMs: error.retryAfterMs }));
      };
      expect(await codes("rate-limited")).toEqual({ code: "CHANNEL_RATE_LIMITED", retryAfterMs: 2000 });
      expect(await codes("unavailable")).toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
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
      await house.kit.call("channels.stop", { channel: suite.channel ?? suite.name });
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
    }

    test("unloading leaves nothing behind", async () => {
      await using house = await start();
      house.platform.say(hello);
      await house.platform.message(0);
      await house.kit.unload();
      expect(house.kit.residue()).toEqual([]);
    });
  });
}
