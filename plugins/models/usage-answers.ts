/** What `usage.status` and `usage.cost` answer. */
import type { Directory } from "./directory.ts";
import { usageCost, usageStatus } from "./methods.ts";
import type { UsageLedger } from "./usage.ts";
import type { ModelsContext } from "./uses.ts";

export function registerUsage(ctx: ModelsContext, directory: Directory, ledger: UsageLedger): void {
  ctx.method(usageStatus, async (_, call) => {
    const [endpoints, report] = await Promise.all([directory.endpoints(), ctx.uses.budgets?.report({}, call)]);
    return {
      updatedAt: ctx.clock.now(),
      providers: endpoints
        .filter(({ ready, offline }) => ready && !offline)
        .map(({ endpoint, label }) => ({ provider: endpoint, displayName: label, windows: [] })),
      ...(report && { limits: report.limits }),
    };
  });

  ctx.method(usageCost, async ({ days = 30, sessionKey, runId, ...of }) => {
    const isPart = sessionKey !== undefined || runId !== undefined || Object.keys(of).length > 0;
    const report = () => {
      if (runId !== undefined) return ledger.run(runId);
      return sessionKey === undefined ? ledger.report(days, of) : ledger.session(sessionKey);
    };
    const [{ daily, totals, models }, shares] = await Promise.all([report(), isPart ? undefined : ledger.shares(days)]);
    return {
      updatedAt: ctx.clock.now(),
      days,
      daily: [...daily],
      totals,
      models: [...models],
      ...(shares && { agents: [...shares.agents], users: [...shares.users], profiles: [...shares.profiles] }),
      cacheStatus: { status: "fresh" as const },
    };
  });
}
