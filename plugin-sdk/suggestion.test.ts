import { expect, test } from "bun:test";
import { distance, suggestion } from "./suggestion.ts";

test("a slip of the hand is found, and what is too long to be one is compared with nothing", () => {
  expect(suggestion("prot", ["port", "bind"])).toBe('; did you mean "port"?');
  expect(suggestion("prots", ["hosts", "other"])).not.toContain("other");
  const long = "x".repeat(5_000_000);
  expect([suggestion(long, ["port", long]), distance(long, `${long}y`)]).toEqual(["", Number.POSITIVE_INFINITY]);
});
