/** `pincer pairing`: who asks, and what is said to that. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { bold } from "@pincer/plugin-sdk/command/colour";
import { table } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { commandErrors } from "@pincer/plugin-sdk/command/usage";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import * as methods from "./methods.ts";

type Listed = ResultOf<typeof methods.list>;
type Named = { readonly kind: string; readonly channel: string; readonly accountId?: string; readonly id: string; readonly name?: string };

const OWNER = "--owner";

/** As `pincer pairing revoke` takes it. */
const spelled = ({ channel, accountId, id }: Pick<Named, "channel" | "accountId" | "id">) =>
  `${channel}${accountId === undefined ? "" : `/${accountId}`}:${id}`;
const line = (one: Named) =>
  `${spelled(one)}${one.kind === "group" ? " (group)" : ""}${one.name === undefined ? "" : ` ${JSON.stringify(one.name)}`}`;
const row = (one: Named) => [spelled(one), one.kind === "group" ? "group" : "person", plainly(one.name ?? "")];

async function showAll(_args: readonly string[], io: CommandIo): Promise<number> {
  const all = (await io.call(methods.list.name, {})) as Listed;
  const part = (title: string, head: readonly string[], rows: readonly (readonly string[])[]) =>
    rows.length === 0 ? [] : [`${bold(title)}\n${table(head, rows)}`];
  const parts = [
    ...part(
      "These ask to be let in. Ask them for their code, or take the request: pincer pairing approve <code>",
      ["request", "who", "is", "name"],
      all.requests.map((one) => [one.requestId, ...row(one)]),
    ),
    ...part("Let in", ["who", "is", "name"], all.approved.map(row)),
    ...part(
      "The owner",
      ["who"],
      all.owners.map((identity) => [spelled(identity)]),
    ),
  ];
  const none = "Nobody asks, and nobody was let in. Whoever writes to the assistant first gets a code.";
  io.result(all, parts.length === 0 ? none : parts.join("\n\n"));
  return EXIT.done;
}

const decide =
  (method: typeof methods.approve | typeof methods.reject, said: string) =>
  async (args: readonly string[], io: CommandIo): Promise<number> => {
    const [code = ""] = args.filter((word) => word !== OWNER);
    const owner = args.includes(OWNER);
    const one = (await io.call(method.name, { code, ...(owner ? { owner } : {}) })) as ResultOf<typeof method>;
    io.result(one, `${line(one)} ${said}${owner ? ", and is the owner there" : ""}`);
    return EXIT.done;
  };

async function takeBack(args: readonly string[], io: CommandIo): Promise<number> {
  const [who = ""] = args.filter((word) => word !== OWNER);
  const [, channel, accountId = "default", id] = /^([^:/]+)(?:\/([^:]+))?:([\s\S]+)$/.exec(who) ?? [];
  if (channel === undefined || id === undefined)
    throw commandErrors.COMMAND_USAGE(
      `expected <channel>:<id> or <channel>/<account>:<id>, as pincer pairing list shows them; came ${JSON.stringify(who)}`,
    );
  const owner = args.includes(OWNER);
  const done = await io.call(methods.revoke.name, { channel, accountId, id, ...(owner ? { owner } : {}) });
  io.result(done, `${who} may write no longer`);
  return EXIT.done;
}

export const commands: readonly CommandDefinition[] = [
  {
    command: {
      name: "pairing list",
      family: "Who may write to the assistant on channels",
      summary: "Who asks to be let in, who was, and who the owner is on channels",
      usage: "",
    },
    run: showAll,
  },
  {
    command: {
      name: "pairing approve",
      summary: "Let in whoever has the code; with --owner as yourself",
      usage: "<code> [--owner]",
      flags: { owner: "Let them in as yourself" },
    },
    run: decide(methods.approve, "is let in"),
  },
  {
    command: { name: "pairing reject", summary: "Turn down whoever has the code", usage: "<code>" },
    run: decide(methods.reject, "was turned down"),
  },
  {
    command: {
      name: "pairing revoke",
      summary: "Let somebody in no longer; with --owner not even as the owner",
      usage: "<who> [--owner]",
      flags: { owner: "They are not the owner there any more, either" },
    },
    run: takeBack,
  },
];
