import { expect, test } from "bun:test";
import { type WireScope, wireScopes } from "../method.ts";
import { allows, knownScopes, lacking } from "./scopes.ts";

test("each scope implies exactly what the wire says", () => {
  const implied = (held: WireScope) => wireScopes.filter((scope) => scope !== held && allows([held], scope));
  expect(wireScopes.map((scope) => [scope, implied(scope)])).toEqual([
    ["operator.read", ["operator.sessions.read"]],
    ["operator.write", ["operator.read", "operator.talk", "operator.sessions.read", "operator.sessions.write"]],
    ["operator.admin", wireScopes.filter((scope) => scope !== "operator.admin")],
    ["operator.approvals", []],
    ["operator.questions", []],
    ["operator.pairing", []],
    ["operator.talk", []],
    ["operator.talk.secrets", []],
    ["operator.sessions.read", []],
    ["operator.sessions.write", ["operator.sessions.read"]],
  ]);
  for (const scope of wireScopes) expect([allows([scope], scope), allows([], scope)]).toEqual([true, false]);
});

test("a word that is no scope gives no right", () => {
  expect(knownScopes(["operator.write", "constructor", "operator.read", "operator.read", "*"])).toEqual([
    "operator.read",
    "operator.write",
  ]);
  expect(allows(["operator.future" as WireScope], "operator.read")).toBe(false);
  expect(lacking(["operator.write"], ["operator.read", "operator.approvals", "operator.admin"])).toEqual([
    "operator.approvals",
    "operator.admin",
  ]);
});
