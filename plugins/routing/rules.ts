/** The rules from message to agent: which one a message meets, and which none can ever meet. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { AgentConfig, Rule } from "./config.ts";

/** What a rule's `chat` says of every direct conversation. */
const DIRECT = "direct";

const fields = ["channel", "account", "team", "chat", "thread", "sender"] as const;
type Facts = { readonly [F in (typeof fields)[number]]?: string | undefined };

/** A direct conversation is in no team. A group that is called `direct` by its platform is meant by no rule. */
function factsOf({ address, group, sender, chat }: InboundMessage): Facts {
  const { channel, account, conversation, thread } = address;
  const whose = chat === "direct" ? { chat: DIRECT } : { team: group?.team, chat: groupFact(group?.id ?? conversation) };
  return { channel, account, thread, sender: sender.id, ...whose };
}
const groupFact = (id: string): string | undefined => (id === DIRECT ? undefined : id);

const isOpen = (pattern: string | undefined) => pattern === undefined || pattern === "*";

/** The first rule that fits, of those whose agent is configured. */
export function ruleFor(rules: readonly Rule[], agents: ReadonlySet<string>, message: InboundMessage): Rule | undefined {
  const facts = factsOf(message);
  const fits = (rule: Rule) => fields.every((field) => isOpen(rule[field]) || rule[field] === facts[field]);
  return rules.find((rule) => agents.has(rule.agent) && fits(rule));
}

/** Whether every message that fits `rule` fits `earlier`. */
const covers = (earlier: Rule, rule: Rule) => fields.every((field) => isOpen(earlier[field]) || earlier[field] === rule[field]);

/** A sentence for each rule that no message can ever meet. */
export function deadRules(rules: readonly Rule[], agents: readonly AgentConfig[]): readonly string[] {
  const known = new Set(agents.map(({ id }) => id));
  return rules.flatMap((rule, index) => {
    const name = `agents.rules[${index}]`;
    if (!known.has(rule.agent)) return `${name} is passed over: there is no agent "${rule.agent}"`;
    if (rule.chat === DIRECT && !isOpen(rule.team)) return `${name} can never match: a direct conversation is in no team`;
    const by = rules.findIndex((earlier, before) => before < index && known.has(earlier.agent) && covers(earlier, rule));
    return by < 0 ? [] : `${name} can never match: agents.rules[${by}] comes first and matches all that it would`;
  });
}
