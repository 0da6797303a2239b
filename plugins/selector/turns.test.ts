/** What becomes of messages of people: through the socket, with two servers of models of which one counts as local. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { talkOver, textOf } from "@pincer/plugin-sdk/testing/talk";
import { startPlatform } from "../../tests/fixtures/platform/platform.ts";
import { type House, type HouseOptions, MAIN, modelOf, startHouse, wholeOf } from "../../tests/fixtures/selector/house.ts";

type Json = Readonly<Record<string, unknown>>;

const privacy = { words: ["salary"] };
const tiers = { simple: "away/small", hard: "away/big" };
const failover = { fallbacks: ["away/big", "away/small"], retryPauseMs: 1, retryJitter: 0 };
const asked = ({ near, away }: House) => ({ near: near.ledger.map(modelOf), away: away.ledger.map(modelOf) });

async function start(options: HouseOptions = {}) {
  const { settings = {} } = options;
  const plugins = { agent: { config: { modelRetries: 0, queueMode: "steer" } }, ...(settings["plugins"] as Json) };
  const house = await startHouse({ ...options, settings: { ...settings, plugins } });
  const client = await house.kit.connect();
  await client.call("sessions.subscribe", {});
  const talk = talkOver(client, MAIN);
  /** A command to the gateway: its answer. */
  const obey = async (command: string) => textOf((await talk.end(await talk.say(command)))["message"]);
  return { house, client, talk, obey };
}

const selections = (client: WireClient): readonly Json[] =>
  client.eventsOf("agent").flatMap(({ stream, data }) => {
    const { phase, selection } = data as Json;
    return stream === "lifecycle" && (phase === "model" || phase === "selection") && selection !== undefined ? [selection as Json] : [];
  });

inEveryMode("a turn whose model the selector says", (mode, test) => {
  test("asks that model; the run's events and the history say which and why, and no model is told", async () => {
    const { house, client, talk } = await start({ mode, selector: { tiers } });
    await using _ = house;
    expect(await talk.ask("hi")).toMatchObject({ text: "from away" });
    expect(await talk.ask("Explain why, compare both and prove it.", { thinking: "high" })).toMatchObject({ state: "final" });
    expect(asked(house)).toEqual({ near: [], away: ["small", "big"] });
    const told = selections(client);
    expect(told).toMatchObject([
      { model: "away/small", by: "score", tier: "simple", private: false, why: "0 points: simple" },
      { model: "away/big", by: "score", tier: "hard", features: expect.arrayContaining([expect.objectContaining({ name: "thinking" })]) },
    ]);
    const kept = (await house.history()).flatMap(({ selection }) => (selection === undefined ? [] : [selection]));
    expect(kept).toEqual([...told]);
    expect(house.leaked()).not.toContain("passedOver");
  });

  test("and that is private goes to the local one, and so does all that follows in the conversation", async () => {
    const { house, talk, obey } = await start({ mode, selector: { tiers, privacy } });
    await using _ = house;
    expect(await talk.ask("hello there")).toMatchObject({ text: "from away" });
    expect(await talk.ask("my salary is 5")).toMatchObject({ text: "from near" });
    expect(await talk.ask("and doubled?")).toMatchObject({ text: "from near" });
    expect(asked(house)).toEqual({ near: ["own", "own"], away: ["small"] });
    expect(await obey("/status")).toContain("Private: this conversation goes to local models alone");
    await obey("/new");
    expect(await talk.ask("hello again")).toMatchObject({ text: "from away" });
    expect(house.leaked()).not.toContain("salary");
  });
});

describe("what is private never leaves", () => {
  test("when the local server is down, and failover has others behind it", async () => {
    const { house, talk, obey } = await start({ enable: ["failover"], selector: { tiers, privacy }, settings: { failover } });
    await using _ = house;
    house.near.otherwise(() => ({ error: { status: 503, message: "asleep" } }));
    const reply = await talk.ask("my salary is 5");
    expect(reply.state).toBe("error");
    expect(reply.error).toContain("near/own: the vendor is overloaded (asleep), also when asked again");
    expect(reply.error).toContain("this may be asked of near alone, and away/big is none of these");
    expect(asked(house)).toEqual({ near: ["own", "own"], away: [] });
    // The same failure of a message that is not private is what failover is for.
    house.away.answer({ error: { status: 503, message: "busy" } }, { error: { status: 503, message: "busy" } });
    await obey("/new");
    expect(await talk.ask("hi")).toMatchObject({ state: "final", text: "from away" });
    expect(asked(house).away).toEqual(["small", "small", "big"]);
  });

  test("when the local server answers nothing at all", async () => {
    const { house, talk } = await start({ enable: ["failover"], selector: { tiers, privacy }, settings: { failover } });
    await using _ = house;
    await house.near[Symbol.asyncDispose]();
    expect(await talk.ask("my salary is 5")).toMatchObject({ state: "error" });
    expect(house.away.ledger).toEqual([]);
  });

  test("when no local model is ready: the turn is refused, says what to do, and the history shows why", async () => {
    const { house, client, talk } = await start({
      enable: ["failover"],
      selector: { tiers, privacy, local: ["ollama"] },
      settings: { failover },
    });
    await using _ = house;
    const reply = await talk.ask("my salary is 5");
    expect(reply.state).toBe("error");
    expect(reply.error).toStartWith("This is private (it has a word of selector.privacy.words.0), and no local model can answer it (");
    expect(reply.error).toContain("ollama: ollama: Ollama is not ready");
    expect(selections(client)).toMatchObject([{ by: "none", private: true, refused: reply.error }]);
    expect((await house.history()).at(-1)).toMatchObject({ role: "assistant", selection: { by: "none", private: true } });
    // The message is part of the conversation: what is said next goes nowhere else either.
    expect(await talk.ask("never mind")).toMatchObject({ state: "error" });
    expect([house.near.ledger, house.away.ledger]).toEqual([[], []]);
  });

  test("for a summary that somebody asks for, also when the local server is down", async () => {
    const { house, talk, obey } = await start({ enable: ["failover"], selector: { privacy }, settings: { failover } });
    await using _ = house;
    for (const message of ["my salary is 5 ", "two ", "three "]) await talk.ask(message.repeat(100));
    house.near.answer({ error: { status: 503, message: "asleep" } }, { error: { status: 503, message: "asleep" } });
    expect(await obey("/compact")).toStartWith("Nothing was summarised: The conversation is too long for own");
    expect(house.away.ledger).toEqual([]);
    expect(await obey("/compact")).toBe("The beginning of this conversation is now a summary.");
    expect(house.near.ledger.length).toBeGreaterThan(3);
    expect(house.away.ledger).toEqual([]);
    await talk.ask("go on");
    expect(house.away.ledger).toEqual([]);
  });

  test("for what was said before anybody called it private", async () => {
    const { house, talk } = await start({ selector: { tiers, privacy: { words: ["nothing"] } } });
    await using _ = house;
    expect(await talk.ask("my salary is 5")).toMatchObject({ text: "from away" });
    const { hash } = await house.kit.call("config.get", {});
    const raw = JSON.stringify({ selector: { privacy: { words: ["nothing", "salary"] } } });
    await house.kit.call("config.patch", { raw, baseHash: hash });
    expect(await talk.ask("hi")).toMatchObject({ text: "from near" });
    expect(house.away.ledger).toHaveLength(1);
  });

  test("for an attached document", async () => {
    const { house, talk } = await start({ selector: { tiers, privacy } });
    await using _ = house;
    const content = Buffer.from("Name,Salary\nAda,5").toString("base64");
    const attachments = [{ type: "file", mimeType: "text/csv", fileName: "list.csv", content }];
    expect(await talk.ask("sum it up", { attachments })).toMatchObject({ text: "from near" });
    expect(house.away.ledger).toEqual([]);
  });

  test("for an agent all of which is private", async () => {
    const { house } = await start({ selector: { privacy: { agents: ["main"] } } });
    await using _ = house;
    expect(await house.kit.say("hi")).toMatchObject({ text: "from near" });
    expect(house.away.ledger).toEqual([]);
  });

  test("for a channel all of which is private, and then for what is said elsewhere in that conversation", async () => {
    await using platform = { ...startPlatform(), [Symbol.asyncDispose]: () => platform.stop() };
    const { house, talk } = await start({
      folders: [join(import.meta.dir, "..", "..", "tests", "fixtures", "plugins")],
      enable: ["scripted-channel"],
      selector: { tiers, privacy: { channels: ["scripted"] } },
      settings: {
        agents: { owner: ["scripted:ada"] },
        channels: { scripted: { url: platform.url, allowFrom: ["*"] } },
        plugins: { "scripted-tools": { enabled: false } },
      },
    });
    await using _ = house;
    expect(await talk.ask("hello")).toMatchObject({ text: "from away" });
    platform.say("room", "ada", "hi");
    expect(await platform.message(0)).toMatchObject({ text: "from near" });
    expect(await talk.ask("what did I say there?")).toMatchObject({ text: "from near" });
    expect(asked(house)).toEqual({ near: ["own", "own"], away: ["small"] });
  });
});

describe("said into a turn that runs", () => {
  /** Holds the first answer until somebody has said more, and then lets it call a tool. */
  async function steered(second: string, options: HouseOptions = {}) {
    const started = await start({ selector: { tiers, privacy, ...options.selector }, ...options });
    const { house, talk, client } = started;
    const gate = Promise.withResolvers<void>();
    const call = { toolCall: { id: "call_list_files_1", name: "list", arguments: "{}" } };
    house.away.answer({ hold: { before: 0, until: gate.promise }, steps: [call] });
    const runId = await talk.say("look around");
    await house.away.received(1);
    await talk.say(second);
    gate.resolve();
    const end = await talk.end(runId);
    return { ...started, runId, end, told: selections(client) };
  }

  test("what is private moves the turn to the local model, with all that it holds", async () => {
    const { house, end, told } = await steered("by the way, my salary is 5");
    await using _ = house;
    expect(end).toMatchObject({ state: "final" });
    expect(asked(house)).toEqual({ near: ["own"], away: ["small"] });
    expect(wholeOf(house.near.ledger[0]!)).toContain("salary");
    expect(house.leaked()).not.toContain("salary");
    expect(told).toMatchObject([{ private: false }, { private: true, model: "near/own" }]);
  });

  test("what is not leaves the model as it is", async () => {
    const { house, end, told } = await steered("Explain why, compare both and prove it, step by step.");
    await using _ = house;
    expect(end).toMatchObject({ state: "final" });
    expect(asked(house)).toEqual({ near: [], away: ["small", "small"] });
    expect(told).toHaveLength(1);
  });

  test("what is private ends it where no local model is", async () => {
    const { house, end } = await steered("my salary is 5", { selector: { tiers, privacy, local: [] } });
    await using _ = house;
    expect(end).toMatchObject({ state: "error", errorKind: "refusal", errorMessage: expect.stringContaining("This is private") });
    expect(asked(house)).toEqual({ near: [], away: ["small"] });
  });
});

describe("a model that somebody named", () => {
  test("comes before rules and tiers, by message, session and agent", async () => {
    const { house, client, talk, obey } = await start({ selector: { rules: [{ when: {}, use: "near/own" }] } });
    await using _ = house;
    expect(await talk.ask("hi")).toMatchObject({ text: "from near" });
    await client.call("agent", { message: "hi", model: "big", provider: "away", sessionKey: MAIN, idempotencyKey: "named" });
    await talk.end("named");
    await obey("/model away/small");
    expect(await talk.ask("hi")).toMatchObject({ text: "from away" });
    expect(asked(house)).toEqual({ near: ["own"], away: ["big", "small"] });
    await obey("/model default");
    expect(await obey("/status")).toContain("Model: chosen for each message (selector)");
    expect(await talk.ask("hi")).toMatchObject({ text: "from near" });
  });

  test("is the only one that sees what is private: nobody named what failover has behind it", async () => {
    const { house, talk, obey } = await start({
      enable: ["failover"],
      selector: { privacy },
      settings: { failover: { ...failover, fallbacks: ["away/small"] } },
    });
    await using _ = house;
    await obey("/model away/big");
    house.away.otherwise(() => ({ error: { status: 503, message: "busy" } }));
    const reply = await talk.ask("my salary is 5");
    expect(reply.error).toContain("this may be asked of near, away/big alone, and away/small is none of these");
    expect(asked(house)).toEqual({ near: [], away: ["big", "big"] });
  });

  test("that is local and not there is not stood in for by one that is not", async () => {
    const { house, client, talk } = await start({ enable: ["failover"], selector: { privacy }, settings: { failover } });
    await using _ = house;
    await client.call("sessions.patch", { key: MAIN, model: "ollama/qwen3" });
    const reply = await talk.ask("my salary is 5");
    expect(reply).toMatchObject({ state: "error", error: expect.stringContaining("Ollama is not ready") });
    expect(asked(house)).toEqual({ near: [], away: [] });
  });

  test("holds for what is private too, until nobody names it any more", async () => {
    const { house, client, talk, obey } = await start({ selector: { tiers, privacy } });
    await using _ = house;
    await obey("/model away/big");
    expect(await talk.ask("my salary is 5")).toMatchObject({ text: "from away" });
    expect(selections(client)).toMatchObject([{ by: "chosen", private: true }]);
    await obey("/model default");
    expect(await talk.ask("and now?")).toMatchObject({ text: "from near" });
  });
});
