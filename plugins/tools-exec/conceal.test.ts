import { expect, test } from "bun:test";
import { Conceal } from "./conceal.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
/** What comes through when it comes in pieces of that size. */
function through(variables: Record<string, string>, text: string, size: number): string {
  const conceal = new Conceal(variables);
  const whole = bytes(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += size) out.push(Uint8Array.from(conceal.push(whole.subarray(at, at + size))));
  return Buffer.concat([...out, conceal.end()]).toString("utf8");
}

test("values are taken out wherever the pieces end, and everything else stays", () => {
  const variables = { KEY: "secret-äöü-€", LONG: "secret-äöü-€-longer" };
  const text = "a secret-äöü-€ b secret-äöü-€-longer c secret-äöü- d secret-äöü-€";
  for (let size = 1; size <= text.length; size++) {
    expect(through(variables, text, size)).toBe("a [KEY] b [LONG] c secret-äöü- d [KEY]");
  }
});

test("without values, and for those too short to be told from other words, nothing is changed or held back", () => {
  expect(through({}, "anything", 1)).toBe("anything");
  expect(through({ A: "abc", B: "" }, "abc abc", 2)).toBe("abc abc");
});
