import { expect, test } from "bun:test";
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { RoutingConfig, Rule } from "./config.ts";
import { routeMessage } from "./route.ts";
import { deadRules } from "./rules.ts";

/** Small numbers from a seed, so that a failure can be looked at again. */
function randomOf(seed: number) {
  let state = seed;
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  return { pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!, chance: (share: number) => next() < share };
}

const names = {
  channel: ["c1", "c2"],
  account: ["a1", "a2"],
  team: ["t1", "t2"],
  chat: ["g1", "g2", "direct"],
  thread: ["h1", "h2"],
  sender: ["s1", "s2"],
} as const;
const agents = ["main", "x", "y", "gone"];

function ruleOf({ pick, chance }: ReturnType<typeof randomOf>): Rule {
  const entries = Object.entries(names).flatMap(([field, values]) => (chance(0.35) ? [[field, pick([...values, "*"])]] : []));
  return { ...Object.fromEntries(entries), agent: pick(agents) };
}

/** Every kind of message that rules of those names can tell apart: `else` is whatever none of them names. */
function* everyMessage(): Generator<InboundMessage> {
  for (const channel of [...names.channel, "else"])
    for (const account of [...names.account, "else"])
      for (const thread of [...names.thread, "else", undefined])
        for (const sender of [...names.sender, "else"]) {
          const common = { eventId: "1", text: "", sentAt: 0, sender: { id: sender } };
          const address = { channel, account, conversation: "dm", ...(thread === undefined ? {} : { thread }) };
          yield { ...common, address, chat: "direct" };
          for (const id of ["g1", "g2", "else"])
            for (const team of [...names.team, "else", undefined])
              yield {
                ...common,
                address: { ...address, conversation: id },
                chat: "group",
                group: { id, ...(team === undefined ? {} : { team }) },
              };
        }
}

/** What the documents say, written as plainly as can be. */
function expectedAgent(rules: readonly Rule[], { address, sender, chat, group }: InboundMessage): string {
  for (const rule of rules) {
    if (rule.agent === "gone") continue;
    if (rule.channel && rule.channel !== "*" && rule.channel !== address.channel) continue;
    if (rule.account && rule.account !== "*" && rule.account !== address.account) continue;
    if (rule.team && rule.team !== "*" && (chat === "direct" || rule.team !== group?.team)) continue;
    if (rule.chat && rule.chat !== "*" && rule.chat !== (chat === "direct" ? "direct" : group?.id)) continue;
    if (rule.thread && rule.thread !== "*" && rule.thread !== address.thread) continue;
    if (rule.sender && rule.sender !== "*" && rule.sender !== sender.id) continue;
    return rule.agent;
  }
  return "main";
}

const configured = [{ id: "main" }, { id: "x" }, { id: "y" }];
const configOf = (rules: Rule[]): RoutingConfig => ({ list: configured, owner: [], rules });
const messages = [...everyMessage()];

test("of 300 random sets of rules each of 1,404 messages meets the one that the documents say, and a rule is told as dead exactly when none meets it", () => {
  expect(messages).toHaveLength(1404);
  let dead = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomOf(seed);
    const rules = Array.from({ length: 1 + (seed % 6) }, () => ruleOf(random));
    const met = new Set<Rule>();
    for (const message of messages) {
      const { agentId } = routeMessage(configOf(rules), { message });
      if (agentId !== expectedAgent(rules, message)) throw new Error(JSON.stringify({ seed, rules, message, agentId }));
      const first = rules.findIndex(
        (_rule, index) => expectedAgent([{ ...rules[index]!, agent: rules[index]!.agent === "gone" ? "gone" : "met" }], message) === "met",
      );
      if (first >= 0) met.add(rules[first]!);
    }
    const told = deadRules(rules, configured).map((text) => Number(/\[(\d+)\]/.exec(text)?.[1]));
    const unmet = rules.flatMap((rule, index) => (met.has(rule) ? [] : [index]));
    if (!Bun.deepEquals(told, unmet)) throw new Error(JSON.stringify({ seed, rules, told, unmet }));
    dead += unmet.length;
  }
  expect(dead).toBeGreaterThan(50);
});
