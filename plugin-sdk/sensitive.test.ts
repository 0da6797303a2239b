import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { isSecret } from "./sensitive.ts";

test("a number or one of a few fixed words is no secret, even where its key sounds like one; any text there is", () => {
  const either = Type.Union([Type.Integer(), Type.Literal("longest")]);
  expect(isSecret(["answerTokens"], 4000, [either])).toBe(false);
  expect(isSecret(["answerTokens"], "longest", [either])).toBe(false);
  expect(isSecret(["answerTokens"], "sk-1234", [either])).toBe(true);
  expect(isSecret(["botToken"], "longest", [Type.String()])).toBe(true);
  expect(isSecret(["botToken"], 4000, [Type.String()])).toBe(true);
});
