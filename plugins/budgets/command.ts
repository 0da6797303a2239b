/** `pincer usage`: what was used, and what is left. */
import type { CommandIo } from "@pincer/plugin-sdk";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { BudgetReport } from "@pincer/plugin-sdk/contracts/budgets";

export const USAGE = "[session]";

export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [sessionKey] = args;
  const report = (await io.call("budgets.show", sessionKey === undefined ? {} : { sessionKey })) as BudgetReport;
  io.result(report, report.text);
  return EXIT.done;
}
