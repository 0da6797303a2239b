/** The method that shows budgets to clients and to the command line. */
import { BudgetReport } from "@pincer/plugin-sdk/contracts/budgets";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

export const budgetsShow = defineMethod({
  name: "budgets.show",
  summary: "What models used today and this month, and how much of each limit is left.",
  scope: "operator.read",
  params: Type.Object(
    { sessionKey: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: "And what this session has used" })) },
    { additionalProperties: false },
  ),
  result: BudgetReport,
});
