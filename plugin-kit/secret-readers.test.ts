import { expect, test } from "bun:test";
import { describeSecret } from "./secret-readers.ts";

const plugins = [{ permissions: { secrets: ["POST_TOKEN", "POST_TOKEN_*", "config:/token"] } }, { permissions: {} }];

test("a secret that a plugin asks for needs nothing more, and one that none asks for says where it goes", () => {
  const found = 'Its plugin finds it; elsewhere write { secret: "POST_TOKEN" }.';
  expect(describeSecret("POST_TOKEN", plugins)).toBe(found);
  expect(describeSecret("POST_TOKEN_HOME", plugins)).toBe(found.replace("POST_TOKEN", "POST_TOKEN_HOME"));
  expect(describeSecret("MINE", plugins)).toBe('No plugin asks for that name: write { secret: "MINE" } where it belongs');
});

test("a name that is nearly right is told", () => {
  expect(describeSecret("POST_TOKN", plugins)).toEndWith('; did you mean "POST_TOKEN"?');
});
