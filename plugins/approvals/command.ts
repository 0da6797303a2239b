/** `pincer approvals`: what waits for the owner's word, and what is said to that. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import * as methods from "./methods.ts";

const ALWAYS = "--always";

async function showAll(_args: readonly string[], io: CommandIo): Promise<number> {
  const all = (await io.call(methods.list.name, {})) as ResultOf<typeof methods.list>;
  const rows = all.approvals.map(({ code, tool, arguments: given, why, sessionKey, expiresAtMs }) => [
    ...[code, tool, sessionKey ?? "", new Date(expiresAtMs).toISOString()],
    `${given}\n${why}`,
  ]);
  io.result(all, rows.length === 0 ? "Nothing waits for your word." : table(["code", "tool", "in", "until", "what and why"], rows));
  return EXIT.done;
}

const answer =
  (verb: "approve" | "deny") =>
  async (args: readonly string[], io: CommandIo): Promise<number> => {
    const [code = ""] = args.filter((word) => word !== ALWAYS);
    const decision = verb === "deny" ? "deny" : args.includes(ALWAYS) ? "allow-always" : "allow-once";
    const done = (await io.call(methods.answer.name, { code, decision })) as ResultOf<typeof methods.answer>;
    const said = { "allow-once": "runs, this once", "allow-always": "runs, and in that conversation from now on", deny: "does not run" };
    io.result(done, `${done.tool} ${said[done.decision]}`);
    return EXIT.done;
  };

export const commands: readonly CommandDefinition[] = [
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
      flags: { always: "From now on this tool runs in that conversation without asking" },
    },
    run: answer("approve"),
  },
  { command: { name: "approvals deny", summary: "Do not let a call run", usage: "<code>" }, run: answer("deny") },
];
