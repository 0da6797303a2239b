/** What the rules say of a call, and what holds without any. Pure. */
import type { PolicyQuestion } from "@pincer/plugin-sdk/contracts/policy";
import { parseKey } from "@pincer/plugin-sdk/session-key";
import { sourceText } from "@pincer/plugin-sdk/untrusted";
import type { Rule } from "./config.ts";
import { type ExecList, listVerdict } from "./exec-list.ts";
import { fits } from "./patterns.ts";

export type Verdict =
  | { readonly action: "allow" }
  | { readonly action: "ask"; readonly why: string }
  | { readonly action: "deny"; readonly reason: string };

function kindOf(sessionKey: string, agentId: string): NonNullable<Rule["sessions"]>[number] {
  const { isMain, conversation } = parseKey(sessionKey, agentId);
  return isMain ? "main" : conversation === undefined ? "other" : "channel";
}

type Where = Pick<PolicyQuestion, "sessionKey" | "agentId" | "owner">;

const isThere = (rule: Rule, { sessionKey, agentId, owner }: Where): boolean =>
  (rule.agents === undefined || rule.agents.includes(agentId)) &&
  (rule.sessions === undefined || rule.sessions.includes(kindOf(sessionKey, agentId))) &&
  (rule.owner === undefined || rule.owner === owner);

const concerns = (rule: Rule, { tool, access, untrusted }: PolicyQuestion): boolean =>
  (rule.tools === undefined || rule.tools.some((pattern) => fits(pattern, tool))) &&
  (rule.access === undefined || rule.access.includes(access)) &&
  (rule.untrusted === undefined || rule.untrusted === untrusted.length > 0);

const mostNamed = 3;
const whatWasRead = ({ untrusted }: PolicyQuestion): string | undefined => {
  if (untrusted.length === 0) return undefined;
  const named = untrusted.slice(0, mostNamed).map(sourceText);
  const more = untrusted.length > mostNamed ? ` and ${untrusted.length - mostNamed} more` : "";
  return `I have read what you did not write: ${named.join(", ")}${more}.`;
};

export function verdictOf(rules: readonly Rule[], list: ExecList, question: PolicyQuestion): Verdict {
  const rule = rules.find((one) => isThere(one, question) && concerns(one, question));
  const read = whatWasRead(question);
  if (rule?.action === "allow") return { action: "allow" };
  if (rule?.action === "ask") return { action: "ask", why: rule.reason ?? read ?? "A rule of yours wants it." };
  if (rule?.action === "deny") return { action: "deny", reason: rule.reason ?? "a rule of the owner's forbids it" };
  if (!question.owner) return { action: "deny", reason: "tools are for the owner's own conversations; this is not one of them" };
  const listed = listVerdict(list, question);
  if (listed === "allow") return { action: "allow" };
  if (listed === "ask") return { action: "ask", why: read ?? "Your list of commands wants it." };
  if (listed === "deny") return { action: "deny", reason: "the owner's list of commands does not have it; do not try it another way" };
  return question.access === "read" || read === undefined ? { action: "allow" } : { action: "ask", why: read };
}

/** Whether any call could run there: what is refused either way need not be offered. */
export const offers = (rules: readonly Rule[], where: Where): boolean =>
  where.owner || rules.some((rule) => rule.action !== "deny" && isThere(rule, where));
