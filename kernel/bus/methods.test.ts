import { expect, test } from "bun:test";
import {
  CommandsListResultSchema,
  PresenceEntrySchema,
  QuestionListResultSchema,
  SnapshotSchema,
  TaskSuggestionsListResultSchema,
  TasksListResultSchema,
  UpdateStatusResultSchema,
} from "@openclaw/gateway-protocol/schema";
import { startBus } from "../../tests/support/bus.ts";
import { method } from "../../tests/support/methods.ts";

test("x", () => {
  console.log(
    typeof PresenceEntrySchema,
    typeof QuestionListResultSchema,
    typeof SnapshotSchema,
    typeof TaskSuggestionsListResultSchema,
    typeof TasksListResultSchema,
    typeof UpdateStatusResultSchema,
    typeof CommandsListResultSchema,
  );
  expect(startBus).toBeDefined();
  expect(method).toBeDefined();
});
