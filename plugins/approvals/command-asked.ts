/** A command as a client asks for it, made what a person is shown: everything that the client says of it stands there, and nothing is lost. */
import type { ApprovalDecision } from "@pincer/plugin-sdk/contracts/approvals";
import type { ParamsOf } from "@pincer/plugin-sdk/method";
import { scopeText } from "./asked-scope.ts";
import type * as methods from "./methods.ts";
import { approvalErrors, type CommandFacts, everyDecision } from "./requests.ts";
import { type Shown, shownArguments, visible } from "./shown.ts";

type Asked = ParamsOf<typeof methods.execRequest>;

/** As a shell would have to be given it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

function textOf({ command, commandArgv }: Asked): string {
  const typed = commandArgv?.map(quoted).join(" ");
  if (command === undefined && typed === undefined) throw approvalErrors.APPROVAL_DECISION("expected command or commandArgv; came neither");
  // Only one of them can be what runs, so both are shown where they differ.
  return command === undefined || typed === undefined || command === typed || command === commandArgv?.join(" ")
    ? (command ?? typed ?? "")
    : `${command}\n\nas words: ${typed}`;
}

const allowedBut = (unavailable: readonly string[] = []): readonly ApprovalDecision[] => {
  const strange = unavailable.find((word) => word === "deny" || !everyDecision.some((decision) => decision === word));
  if (strange !== undefined)
    throw approvalErrors.APPROVAL_DECISION(
      `unavailableDecisions: expected allow-once or allow-always, came ${JSON.stringify(strange.slice(0, 64))}; the owner can always deny`,
    );
  return everyDecision.filter((decision) => !unavailable.includes(decision));
};

const lines = (asked: Asked): string[] => {
  const { cwd, host, nodeId, resolvedPath, env = {}, security, ask, scope } = asked;
  const facts: readonly (readonly [what: string, value: string | null | undefined])[] = [
    ["in the folder", cwd],
    ["on", host],
    ["on the node", nodeId],
    ["the program is", resolvedPath],
    ["with the variables", Object.keys(env).join(", ")],
    ["security", security],
    ["ask", ask],
    ["it would", scope && scopeText(scope)],
  ];
  return facts.flatMap(([what, value]) => (value ? [`${what}: ${value}`] : []));
};

export function commandOf(asked: Asked): {
  readonly shown: Shown;
  readonly facts: CommandFacts;
  readonly warning: string;
  readonly allowed: readonly ApprovalDecision[];
} {
  const { commandArgv, cwd = null, host = "gateway", nodeId = null, security = null, ask = "always", warningText } = asked;
  const said = lines(asked);
  return {
    shown: shownArguments([textOf(asked), ...(said.length === 0 ? [] : ["", ...said])].join("\n")),
    facts: {
      ...(commandArgv === undefined ? {} : { commandArgv: commandArgv.map((word) => shownArguments(word).whole) }),
      ...{ cwd, host, nodeId, security, ask },
    },
    warning: visible(warningText ?? "").trim(),
    allowed: allowedBut(asked.unavailableDecisions),
  };
}
