/** Made-up rules, ceilings and messages: what is promised of every decision holds for each. */

import { expect, test } from "bun:test";
import { thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import { type SelectionRequest, selector } from "@pincer/plugin-sdk/contracts/selector";
import type { Selection } from "@pincer/plugin-sdk/selection";
import { startHouse } from "../../tests/fixtures/selector/house.ts";
import { type Random, randomOf } from "../../tests/fuzz/random.ts";

type Json = Readonly<Record<string, unknown>>;

const configurations = 16;
const messages = 60;

const models = ["away/small", "away/big", "near/own", "near", "quick", "nowhere/x", "ollama/none", "demo/offline", "", "a/b/c"];
const outputPrices: Readonly<Record<string, number>> = { "away/small": 2, "away/big": 25 };
const pieces = [
  "hi",
  "why",
  "compare",
  "SALARY",
  "bänk account",
  "DE12 3456",
  "urgent",
  "```\ncode();\n```",
  "- one\n- two",
  "?",
  "\ud800",
];

/** By another way than the plugin's: none of the pieces holds a part of another. */
const isPrivateText = (text: string): boolean => text.includes("SALARY") || text.includes("bänk account") || text.includes("DE12 3456");

function ruleOf(random: Random): Json {
  const maybe = (key: string, value: unknown): Json => (random.chance(0.25) ? { [key]: value } : {});
  return {
    when: {
      ...maybe("agent", random.chance(0.5) ? "main" : ["main", "work"]),
      ...maybe("channel", "telegram"),
      ...maybe("private", random.chance(0.5)),
      ...maybe("words", [random.pick(pieces)]),
      ...maybe("pattern", random.pick(["^hi", "[0-9]{2}", "x?y"])),
      ...maybe("attachments", random.chance(0.5)),
      ...maybe("longerThan", random.below(60)),
      ...maybe("hour", { from: random.below(25), to: random.below(25) }),
      ...maybe("thinking", random.pick(thinkingLevels)),
    },
    use: random.chance(0.5) ? random.pick(models) || "near" : [random.pick(models) || "x", random.pick(models) || "y"],
  };
}

function configOf(random: Random): Json {
  const tier = (name: string): Json => (random.chance(0.6) ? { [name]: random.pick(models) || "near" } : {});
  return {
    ...(random.chance(0.2) ? { local: [] } : { local: ["near"] }),
    rules: Array.from({ length: random.below(5) }, () => ruleOf(random)),
    tiers: { ...tier("simple"), ...tier("normal"), ...tier("hard") },
    ceiling: {
      ...(random.chance(0.3) ? { usdPerMillionOutput: random.below(40) } : {}),
      ...(random.chance(0.3) ? { usdPerCall: random.below(100) / 1_000 } : {}),
      unknownPrice: random.chance(0.3) ? "allow" : "refuse",
    },
    privacy: {
      patterns: ["DE[0-9]{2} [0-9]{4}"],
      words: ["salary", "bänk account"],
      agents: ["work"],
      channels: ["signal"],
      overChoice: random.chance(0.5),
    },
    thresholds: { normal: random.below(60), hard: random.below(120) },
  };
}

function requestOf(random: Random): SelectionRequest {
  const maybe = <K extends keyof SelectionRequest>(key: K, value: SelectionRequest[K]) => (random.chance(0.3) ? { [key]: value } : {});
  const text = () => Array.from({ length: random.below(6) }, () => random.pick(pieces)).join(" ");
  return {
    text: text(),
    ...maybe("context", text()),
    ...maybe("agentId", random.pick(["main", "work", "constructor"])),
    ...maybe("channels", [random.pick(["telegram", "signal", "webchat"])]),
    ...maybe("attachments", random.below(5)),
    ...maybe("images", random.chance(0.5)),
    ...maybe("documents", random.chance(0.5)),
    ...maybe("tools", true),
    ...maybe("thinking", random.pick(thinkingLevels)),
    ...maybe("tokens", random.below(200_000)),
    ...maybe("failed", true),
    ...maybe("private", random.chance(0.2)),
    ...(random.chance(0.2) ? { chosen: { model: random.pick(models) || "near", by: "session" as const } } : {}),
  };
}

/** What is wrong with a decision. */
function faults(config: Json, request: SelectionRequest, selection: Selection | null): readonly string[] {
  const { privacy, ceiling, local } = config as {
    privacy: { overChoice: boolean };
    ceiling: { usdPerMillionOutput?: number };
    local: readonly string[];
  };
  const { text, context = "", agentId, channels = [], chosen } = request;
  const isPrivate =
    request.private === true || agentId === "work" || channels.includes("signal") || isPrivateText(text) || isPrivateText(context);
  const found: string[] = [];
  const must = (holds: boolean, what: string) => void (holds || found.push(what));
  if (chosen !== undefined && !isPrivate) must(selection === null, "a choice was looked at");
  if (selection === null) return [...found, ...(isPrivate ? ["what is private was let be"] : [])];
  must(selection.private === isPrivate, `private is ${isPrivate}`);
  must((selection.model === undefined || selection.refused === undefined) && selection.why !== "", "refused, and a model all the same");
  const isChoice = selection.by === "chosen";
  if (isPrivate && !isChoice) {
    must(selection.refused !== undefined || (selection.model ?? "").startsWith("near/"), "what is private went away");
    must(selection.refused !== undefined || Bun.deepEquals(selection.within, local), "not within what is local");
  }
  const far = (selection.within ?? ["*"]).filter((one) => !local.includes(one));
  if (isChoice)
    must(far.length === 0 || (!privacy.overChoice && far.length === 1 && far[0]?.includes("/") === true), "a choice let others in");
  const price = outputPrices[selection.model ?? ""];
  if (price !== undefined && !isChoice && ceiling.usdPerMillionOutput !== undefined)
    must(price <= ceiling.usdPerMillionOutput, `it costs ${price}`);
  const sum = (selection.features ?? []).reduce((total, { points }) => total + points, 0);
  if (selection.features) must(Math.abs(sum - (selection.score ?? Number.NaN)) < 0.001, "the points do not add up");
  must(
    (selection.features ?? []).every(({ value }) => value >= 0 && value <= 1),
    "a value out of its range",
  );
  must(!selection.passedOver.some(({ model }) => model === selection.model), "passed over and taken");
  return found;
}

test("no made-up configuration lets what is private go away, or a ceiling be passed", async () => {
  const kinds = new Map<string, number>();
  for (let seed = 1; seed <= configurations; seed++) {
    const random = randomOf(seed);
    const config = configOf(random);
    await using house = await startHouse({ selector: config, settings: { models: { aliases: { quick: "away/small" } } } });
    const { select } = house.kit.uses(selector);
    for (let at = 0; at < messages; at++) {
      const request = requestOf(random);
      const selection = await select(request, { signal: house.kit.signal });
      expect({ seed, request, selection, faults: faults(config, request, selection) }).toMatchObject({ faults: [] });
      expect(await select(request, { signal: house.kit.signal })).toEqual(selection);
      const kind = selection === null ? "nothing" : `${selection.by}${selection.private ? ", private" : ""}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  // A campaign that never comes to one of these has tried nothing of it.
  for (const kind of ["nothing", "rule", "rule, private", "score", "score, private", "default", "none", "none, private", "chosen, private"])
    expect([kind, kinds.get(kind) ?? 0]).not.toEqual([kind, 0]);
}, 120_000);
