/** `pincer usage`: what was used, and what is left. */
import type { CommandIo } from "@pincer/plugin-sdk";
import type { BudgetReport } from "@pincer/plugin-sdk/contracts/budgets";

export const USAGE = "[<session>]";

/** As of any command that was called wrongly. */
const WRONG = 2;

export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [sessionKey, ...more] = args;
  if (more.length > 0) {
    io.print(
      `pincer usage ${USAGE} shows what models used today and this month, in one session if one is named, and what each limit leaves`,
    );
    return WRONG;
  }
  const report = (await io.call("budgets.show", sessionKey === undefined ? {} : { sessionKey })) as BudgetReport;
  io.print(io.json ? JSON.stringify(report, null, 2) : report.text);
  return 0;
}
