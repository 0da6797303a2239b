/**
 * The list of commands of the wire (`exec.approvals.*`): per agent whether commands run, are asked about, or run when they are on the list. It
 * holds in the owner's own sessions, behind the rules of the configuration, and opens no others. Pure.
 */
import type { PolicyQuestion } from "@pincer/plugin-sdk/contracts/policy";
import { isObject } from "@pincer/plugin-sdk/json5";
import { type Static, Type } from "@sinclair/typebox";
import { fits } from "./patterns.ts";

const closed = { additionalProperties: false };
const text = Type.Optional(Type.String());
const at = Type.Optional(Type.Number({ minimum: 0 }));

const Listed = Type.Object(
  {
    pattern: Type.String({ minLength: 1, description: "A program's name, or its whole path; * stands for any letters" }),
    id: Type.Optional(Type.String({ minLength: 1 })),
    // What other gateways note of an entry; kept as it came.
    ...{
      source: Type.Optional(Type.Literal("allow-always")),
      commandText: text,
      lastUsedAt: at,
      lastUsedCommand: text,
      lastResolvedPath: text,
    },
  },
  closed,
);
const choice = <W extends string>(...words: W[]) => Type.Optional(Type.Union(words.map((word) => Type.Literal(word))));
const settings = {
  security: choice("deny", "allowlist", "full"),
  ask: choice("off", "on-miss", "always"),
  askFallback: Type.Optional(Type.Literal("deny", { description: "Where nobody can be asked nothing runs" })),
  autoAllowSkills: Type.Optional(Type.Literal(false)),
};
export const ExecList = Type.Object(
  {
    version: Type.Literal(1),
    defaults: Type.Optional(Type.Object(settings, closed)),
    agents: Type.Optional(
      Type.Record(Type.String(), Type.Object({ ...settings, allowlist: Type.Optional(Type.Array(Listed, { maxItems: 1_000 })) }, closed)),
    ),
  },
  closed,
);
export type ExecList = Static<typeof ExecList>;

export const emptyList: ExecList = { version: 1, defaults: {}, agents: {} };

type ExecVerdict = "allow" | "ask" | "deny";

/** One program with plain words behind it: nothing that a shell would make more of, and no blank that to a shell is part of a name. */
const plainCommand = /^[ \n]*([\w@%+:,./-]+)(?: +[\w@%+=:,./-]+)*[ \n]*$/;

/** The program's path must be typed as the list names it: a name alone is looked for by the shell, and a path leads where it says. */
export function isListed(patterns: readonly string[], command: string): boolean {
  const [, program] = plainCommand.exec(command) ?? [];
  if (program === undefined) return false;
  if (program.includes("/") && (!program.startsWith("/") || program.split("/").includes(".."))) return false;
  return patterns.some((pattern) => pattern.includes("/") === program.includes("/") && fits(pattern, program));
}

const commandOf = (given: unknown): string => {
  const command = isObject(given) ? given["command"] : undefined;
  return typeof command === "string" ? command : "";
};

/** Undefined: the list says nothing of it. */
export function listVerdict({ defaults = {}, agents = {} }: ExecList, question: PolicyQuestion): ExecVerdict | undefined {
  if (question.access !== "exec") return undefined;
  const own = agents[question.agentId] ?? {};
  const every = agents["*"] ?? {};
  const security = own.security ?? every.security ?? defaults.security;
  const ask = own.ask ?? every.ask ?? defaults.ask;
  if (security === "deny") return "deny";
  if (ask === "always") return "ask";
  const patterns = [...(own.allowlist ?? []), ...(every.allowlist ?? [])].map(({ pattern }) => pattern);
  if (isListed(patterns, commandOf(question.arguments))) return "allow";
  if (security !== "allowlist") return undefined;
  return ask === "off" ? "deny" : "ask";
}
