/** `pincer approvals`: what waits for the owner's word, and what is said to that. */
import type { Command, CommandIo } from "@pincer/plugin-sdk";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import * as methods from "./methods.ts";

const ALWAYS = "--always";

async function showAll(_args: readonly string[], io: CommandIo): Promise<number> {
  const all = (await io.call(methods.list.name, {})) as ResultOf<typeof methods.list>;
  if (io.json) io.print(JSON.stringify(all, null, 2));
  else if (all.approvals.length === 0) io.print("Nothing waits for your word.");
  for (const { code, tool, arguments: given, why, sessionKey, expiresAtMs } of io.json ? [] : all.approvals) {
    io.print(`${code}  ${tool}${sessionKey === null ? "" : `  in ${sessionKey}`}  until ${new Date(expiresAtMs).toISOString()}`);
    io.print([...given.split("\n"), why].map((line) => `  ${line}`).join("\n"));
  }
  return 0;
}

const answer =
  (verb: "approve" | "deny") =>
  async (args: readonly string[], io: CommandIo): Promise<number> => {
    const [code = ""] = args.filter((word) => word !== ALWAYS);
    const decision = verb === "deny" ? "deny" : args.includes(ALWAYS) ? "allow-always" : "allow-once";
    const done = (await io.call(methods.answer.name, { code, decision })) as ResultOf<typeof methods.answer>;
    const said = { "allow-once": "runs, this once", "allow-always": "runs, and in that conversation from now on", deny: "does not run" };
    io.print(io.json ? JSON.stringify(done, null, 2) : `${done.tool} ${said[done.decision]}`);
    return 0;
  };

export const commands: readonly { readonly command: Command; readonly run: (args: readonly string[], io: CommandIo) => Promise<number> }[] =
  [
    {
      command: {
        name: "approvals list",
        family: "Calls of tools that wait for your word",
        summary: "Tool calls that wait for your word",
        usage: "",
      },
      run: showAll,
    },
    {
      command: {
        name: "approvals approve",
        summary: "Let a call run; with --always this tool in that conversation from now on",
        usage: "<code> [--always]",
      },
      run: answer("approve"),
    },
    { command: { name: "approvals deny", summary: "Do not let a call run", usage: "<code>" }, run: answer("deny") },
  ];
