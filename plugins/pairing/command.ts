/** `pincer pairing`: who asks, and what is said to that. */
import type { Command, CommandIo } from "@pincer/plugin-sdk";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import * as methods from "./methods.ts";

type Listed = ResultOf<typeof methods.list>;
type Named = { readonly kind: string; readonly channel: string; readonly accountId?: string; readonly id: string; readonly name?: string };

const OWNER = "--owner";
/** As of any command that was called wrongly. */
const WRONG = 2;

/** As `pincer pairing revoke` takes it. */
const spelled = ({ channel, accountId, id }: Pick<Named, "channel" | "accountId" | "id">) =>
  `${channel}${accountId === undefined ? "" : `/${accountId}`}:${id}`;
const line = (one: Named) =>
  `${spelled(one)}${one.kind === "group" ? " (group)" : ""}${one.name === undefined ? "" : ` ${JSON.stringify(one.name)}`}`;

async function showAll(_args: readonly string[], io: CommandIo): Promise<number> {
  const all = (await io.call(methods.list.name, {})) as Listed;
  if (io.json) {
    io.print(JSON.stringify(all, null, 2));
    return 0;
  }
  const part = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [title, ...lines.map((text) => `  ${text}`), ""]);
  const text = [
    ...part("These ask to be let in. Ask them for their code, or take the request's id: pincer pairing approve <code>", [
      ...all.requests.map((one) => `${one.requestId}  ${line(one)}`),
    ]),
    ...part("Let in", all.approved.map(line)),
    ...part(
      "The owner",
      all.owners.map((identity) => spelled(identity)),
    ),
  ];
  io.print(
    text.length === 0
      ? "Nobody asks, and nobody was let in. Whoever writes to the assistant first gets a code."
      : text.join("\n").trimEnd(),
  );
  return 0;
}

const decide =
  (method: typeof methods.approve | typeof methods.reject, said: string) =>
  async (args: readonly string[], io: CommandIo): Promise<number> => {
    const [code = ""] = args.filter((word) => word !== OWNER);
    const owner = args.includes(OWNER);
    const one = (await io.call(method.name, { code, ...(owner ? { owner } : {}) })) as ResultOf<typeof method>;
    io.print(io.json ? JSON.stringify(one, null, 2) : `${line(one)} ${said}${owner ? ", and is the owner there" : ""}`);
    return 0;
  };

async function takeBack(args: readonly string[], io: CommandIo): Promise<number> {
  const [who = ""] = args.filter((word) => word !== OWNER);
  const [, channel, accountId = "default", id] = /^([^:/]+)(?:\/([^:]+))?:([\s\S]+)$/.exec(who) ?? [];
  if (channel === undefined || id === undefined) {
    io.print(`expected <channel>:<id> or <channel>/<account>:<id>, as pincer pairing list shows them; came ${JSON.stringify(who)}`);
    return WRONG;
  }
  const owner = args.includes(OWNER);
  const done = await io.call(methods.revoke.name, { channel, accountId, id, ...(owner ? { owner } : {}) });
  io.print(io.json ? JSON.stringify(done, null, 2) : `${who} may write no longer`);
  return 0;
}

export const commands: readonly { readonly command: Command; readonly run: (args: readonly string[], io: CommandIo) => Promise<number> }[] =
  [
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
      command: { name: "pairing approve", summary: "Let in whoever has the code; with --owner as yourself", usage: "<code> [--owner]" },
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
      },
      run: takeBack,
    },
  ];
