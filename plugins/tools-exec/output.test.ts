import { expect, test } from "bun:test";
import { Output } from "./output.ts";

const output = (head: number, tail: number, ...chunks: (string | Uint8Array)[]) => {
  const kept = new Output(head, tail);
  for (const chunk of chunks) kept.push(Buffer.from(chunk as string));
  return kept;
};

test("a short output is whole", () => {
  expect(output(10, 10, "hello ", "world").text()).toBe("hello world");
  expect(output(10, 10).text()).toBe("");
});

test("of a long output the beginning and the end are kept, with a word on what is missing (#86214)", () => {
  const kept = output(5, 5, "0123456789", "x".repeat(1_000_000), "abcdefghij");
  expect(kept.text()).toBe("01234\n[… 1000010 bytes left out …]\nfghij");
  expect(kept.total).toBe(1_000_020);
});

test("what was written since the last look is told, also when part of it is gone", () => {
  const kept = output(4, 4, "abc");
  expect(kept.text(0)).toBe("abc");
  const seen = kept.total;
  kept.push(Buffer.from("defg"));
  expect(kept.text(seen)).toBe("defg");
  kept.push(Buffer.from("hijklmnop"));
  expect(kept.text(seen)).toBe("d\n[… 8 bytes left out …]\nmnop");
  expect(kept.text(kept.total)).toBe("");
});

test("whatever comes in whatever pieces, beginning, end and count are right", () => {
  let seed = 5;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 2_000; round++) {
    const [head, tail] = [1 + random(20), 1 + random(20)];
    const kept = new Output(head, tail);
    let all = "";
    for (let piece = 0; piece < random(12); piece++) {
      const text = String.fromCharCode(97 + random(26)).repeat(random(15));
      all += text;
      kept.push(Buffer.from(text));
    }
    const cursor = random(all.length + 1);
    const lostFrom = Math.max(cursor, head);
    const lostTo = all.length - tail;
    const expected =
      lostTo > lostFrom
        ? `${all.slice(cursor, Math.max(cursor, head))}\n[… ${lostTo - lostFrom} bytes left out …]\n${all.slice(lostTo)}`
        : all.slice(cursor);
    expect([head, tail, all, cursor, kept.text(cursor)]).toEqual([head, tail, all, cursor, expected]);
  }
});

test("colours, cursor movements and overwritten progress are left out; letters cut in two are not shown broken", () => {
  expect(output(100, 100, "\u001b[31mred\u001b[0m \u001b]0;title\u0007plain\u001b[2K").text()).toBe("red plain");
  expect(output(100, 100, "10 %\r50 %\r100 %\r\ndone\r\n").text()).toBe("100 %\ndone\n");
  expect(output(100, 100, "a\u0000b\u0008c\tü\n").text()).toBe("abc\tü\n");
  const cut = output(2, 4, "aü…", "bbü…").text();
  expect(cut).toEndWith("left out …]\n…");
  expect(output(100, 100, Buffer.from([0xff, 0xfe, 0x41])).text()).toBe("��A");
});
