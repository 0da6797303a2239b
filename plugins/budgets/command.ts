/** `pincer usage`: what was used, and what is left. */
import type { CommandIo } from "@pincer/plugin-sdk";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { BudgetReport } from "@pincer/plugin-sdk/contracts/budgets";

export const USAGE = "[<session>]";

export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [sessionKey, ...more] = args;
  if (more.length > 0) {
    io.print(
      `pincer usage ${USAGE} shows what models used today and this month, in one session if one is named, and what each limit leaves`,
    );
    return EXIT.usage;
  }
  const report = (await io.call("budgets.show", sessionKey === undefined ? {} : { sessionKey })) as BudgetReport;
  io.result(report, report.text);
  return EXIT.done;
}
