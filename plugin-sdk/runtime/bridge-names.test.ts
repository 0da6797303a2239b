import { describe, expect, test } from "bun:test";
import { answerOf, NameTable } from "./bridge-names.ts";

const rules = ["api.example.com:443", "*.wild.example:80", "api.*.example.org:443", "127.0.0.1:11434"];
const [A, AAAA, TXT] = [1, 28, 16];

function question(name: string, type = A): Buffer {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}
/** The code of an answer, and the address in it. */
function read(answer: Buffer | undefined): [code: number, address?: string] {
  if (!answer) throw new Error("there was no answer");
  expect(answer.subarray(0, 2)).toEqual(Buffer.from([0xab, 0xcd]));
  const code = answer[3]! & 15;
  return answer.readUInt16BE(6) === 1 ? [code, [...answer.subarray(-4)].join(".")] : [code];
}

test("a declared name leads to an address of its own, by which it is known again", () => {
  const names = new NameTable(rules);
  expect(read(answerOf(question("api.example.com"), names))).toEqual([0, "127.64.0.1"]);
  expect(read(answerOf(question("a.WILD.example"), names))).toEqual([0, "127.64.0.2"]);
  expect(read(answerOf(question("API.example.com"), names))).toEqual([0, "127.64.0.1"]);
  expect(names.hostOf("127.64.0.2")).toBe("a.wild.example");
  expect(read(answerOf(question("api.eu-1.example.org"), names))).toEqual([0, "127.64.0.3"]);
  expect(read(answerOf(question("api.a.b.example.org"), names))).toEqual([3]);
  expect(names.hostOf("::ffff:127.64.0.1")).toBe("api.example.com");
});

test("an address that no name has is asked for as it is", () => {
  const names = new NameTable(rules);
  expect(names.hostOf("127.0.0.1")).toBe("127.0.0.1");
  expect(names.hostOf("127.64.0.9")).toBe("127.64.0.9");
  expect(names.hostOf("2606:4700::1")).toBe("[2606:4700::1]");
});

test("only IPv4 addresses are answered, and only of declared names", () => {
  const names = new NameTable(rules);
  expect(read(answerOf(question("api.example.com", AAAA), names))).toEqual([0]);
  expect(read(answerOf(question("api.example.com", TXT), names))).toEqual([0]);
  for (const name of ["example.com", "wild.example", "evil.net", "api.example.com.evil.net", "publi"]) {
    expect(read(answerOf(question(name), names))).toEqual([3]);
  }
  expect(read(answerOf(question("anything.org"), new NameTable(["public"])))).toEqual([0, "127.64.0.1"]);
});

test("when there are no more addresses the oldest name loses its own", () => {
  const names = new NameTable(["public"], 2);
  expect(["a.org", "b.org", "c.org"].map((name) => names.addressOf(name)?.join("."))).toEqual(["127.64.0.1", "127.64.0.2", "127.64.0.1"]);
  expect(names.hostOf("127.64.0.1")).toBe("c.org");
  expect(names.addressOf("a.org")?.join(".")).toBe("127.64.0.2");
});

describe("what is no question", () => {
  const whole = question("api.example.com");
  test.each([...whole.keys()])("cut off after %i bytes is refused, and breaks nothing", (length) => {
    const answer = answerOf(whole.subarray(0, length), new NameTable(rules));
    if (length < 12) expect(answer).toBeUndefined();
    else expect(read(answer)).toEqual([1]);
  });

  test("an answer is not answered, and a pointer or two questions are refused", () => {
    const names = new NameTable(rules);
    const response = Buffer.from(whole);
    response[2]! |= 0x80;
    expect(answerOf(response, names)).toBeUndefined();
    const pointer = Buffer.from(whole);
    pointer[12] = 0xc0;
    expect(read(answerOf(pointer, names))).toEqual([1]);
    const two = Buffer.from(whole);
    two[5] = 2;
    expect(read(answerOf(two, names))).toEqual([1]);
  });
});
