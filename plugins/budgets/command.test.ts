import { expect, test } from "bun:test";
import type { BudgetReport } from "@pincer/plugin-sdk/contracts/budgets";
import { createCliHome } from "../../tests/support/cli.ts";

test("pincer usage shows what was used and what is left, and how a limit is set is how it says", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const none = await home.pincer(["usage"]);
  expect(none.code).toBe(0);
  expect(none.out).toMatch(/^Today: \$0\.00, 0 tokens in 0 calls\nThis month: .*\nLimits: none\./);
  const said = /pincer config set (\S+) '(.*)'/.exec(none.out);
  expect((await home.pincer(["config", "set", said?.[1] ?? "", said?.[2] ?? ""])).code).toBe(0);
  expect((await home.pincer(["usage", "main"])).out).toMatch(
    /This conversation: .*\nLimits \(.+\):\n- daily: \$0\.00 of \$5\.00 a day, anew in/,
  );
  expect((await home.json<BudgetReport>(["usage"])).limits).toMatchObject([{ name: "daily", usd: { limit: 5, used: 0, held: 0 } }]);
  expect((await home.pincer(["usage", "a", "b"])).code).toBe(2);
  expect((await home.pincer(["config", "set", "budgets.limits.daily.per", "year"])).code).toBe(1);
}, 120_000);
