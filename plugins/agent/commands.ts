/** The commands that may be typed as a message, and by whom. */
import type { SkillCommand } from "@pincer/plugin-sdk/contracts/skill-commands";
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { Static } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";

export const CommandEntry = Type.Object({
  name: Type.String(),
  textAliases: Type.Array(Type.String()),
  description: Type.String(),
  category: Type.Union([Type.Literal("session"), Type.Literal("options"), Type.Literal("status"), Type.Literal("tools")]),
  source: Type.Union([Type.Literal("native"), Type.Literal("skill")]),
  scope: Type.Literal("both"),
  acceptsArgs: Type.Boolean(),
  args: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), description: Type.String(), type: Type.Literal("string"), required: Type.Boolean() })),
  ),
});
export type CommandEntry = Static<typeof CommandEntry>;

const command = (
  name: string,
  category: CommandEntry["category"],
  description: string,
  arg?: { readonly name: string; readonly description: string },
  aliases: readonly string[] = [],
): CommandEntry => ({
  name,
  textAliases: [`/${name}`, ...aliases.map((alias) => `/${alias}`)],
  description,
  category,
  source: "native",
  scope: "both",
  acceptsArgs: arg !== undefined,
  ...(arg === undefined ? {} : { args: [{ ...arg, type: "string", required: false }] }),
});

export const commands: readonly CommandEntry[] = [
  command("help", "status", "Lists the commands.", undefined, ["commands"]),
  command("status", "status", "Shows the model, the context and what is running."),
  command("usage", "status", "Shows what was used today and in this conversation, and what each budget leaves.", undefined, ["cost"]),
  command("new", "session", "Begins a new conversation, with a first message when one is given.", {
    name: "message",
    description: "First message",
  }),
  command("reset", "session", "Empties this conversation and begins again.", { name: "message", description: "First message" }),
  command("stop", "session", "Stops what is running, and what waits behind it.", undefined, ["abort"]),
  command("model", "options", "Shows or chooses the model of this conversation.", { name: "model", description: "A model, or default" }),
  command(
    "think",
    "options",
    "Shows or chooses how much the model thinks.",
    { name: "level", description: "off, minimal, low, medium, high, xhigh, or default" },
    ["thinking"],
  ),
  command("agents", "options", "Lists the agents, or chooses the one that answers in this conversation.", {
    name: "agent",
    description: "An agent, or default",
  }),
  command("compact", "session", "Replaces the beginning of this conversation by a summary.", {
    name: "focus",
    description: "What to keep above all",
  }),
];

/** Answers to what a tool call waits for: told where the owner is, and of no use elsewhere. */
const answers: readonly CommandEntry[] = [
  command("approve", "session", "Lets a tool call run that waits for your word; with always, this tool here from now on.", {
    name: "code",
    description: "Its code, and always",
  }),
  command("deny", "session", "Does not let it run.", { name: "code", description: "Its code" }),
];

/** Those that can be used when something asks for approval, or when nothing does. */
export const commandsWith = (approvals: boolean): readonly CommandEntry[] => (approvals ? [...commands, ...answers] : commands);

/** Chats let commands have no hyphen. */
export const skillCommand = ({ name, description }: SkillCommand): CommandEntry => ({
  ...command(name.replaceAll("-", "_"), "tools", description, { name: "text", description: "What it is to do" }),
  textAliases: [...new Set([`/${name}`, `/${name.replaceAll("-", "_")}`])],
  source: "skill",
});

const byAlias = new Map([...commands, ...answers].flatMap((entry) => entry.textAliases.map((alias) => [alias, entry.name] as const)));

/** What looks like a command; paths (`/etc/hosts`) and figures do not. Chats write `/status@bot`. */
const commandLike = /^\/([a-z][a-z0-9_-]*)(?:@\S+)?(?:[\s:]+([\s\S]*))?$/i;

interface TypedCommand {
  readonly name: string;
  readonly args: string;
}

/** `undefined` for a text that is no command of ours. */
export function parseCommand(text: string): TypedCommand | undefined {
  const [, word = "", args = ""] = commandLike.exec(text.trim()) ?? [];
  const name = byAlias.get(`/${word.toLowerCase()}`);
  return name === undefined ? undefined : { name, args: args.trim() };
}

/** The first word of a text that looks like a command, and is none of ours. */
export function unknownWord(text: string): string | undefined {
  const word = commandLike.exec(text.trim())?.[1];
  return word === undefined || byAlias.has(`/${word.toLowerCase()}`) ? undefined : word;
}

/** What `//status now` says: `/status now`, to the agent. `undefined` for every other text. */
export function literalOf(text: string): string | undefined {
  const said = text.trim().slice(1);
  return text.trim().startsWith("//") && commandLike.test(said) ? said : undefined;
}

/** What a text asks for: a command that empties a conversation, what `sessions.reset` asks for; one that answers a request, what that asks for. */
export function scopeOf(text: string): WireScope {
  const name = parseCommand(text)?.name;
  if (name === "approve" || name === "deny") return "operator.approvals";
  return name === "new" || name === "reset" ? "operator.admin" : "operator.write";
}

/** What anybody may use who may write, and what anybody may in a conversation of their own; the rest is the owner's. */
const everybodys: ReadonlySet<string> = new Set(["help", "status"]);
const ones: ReadonlySet<string> = new Set([...everybodys, "stop", "new", "reset"]);

export const mayUse = (name: string, by: { readonly owner: boolean; readonly group: boolean }): boolean =>
  by.owner || (by.group ? everybodys : ones).has(name);
