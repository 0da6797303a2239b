import { expect, test } from "bun:test";
import { decodeValue, encodeValue } from "./frame-values.ts";

/** As a frame carries it. */
function cross(value: unknown): unknown {
  const { json, bytes } = encodeValue(value);
  const text = Buffer.from(json);
  const frame = Buffer.concat([text, ...(bytes ?? [])]);
  return decodeValue(frame, 0, frame.length, bytes && text.length);
}

const decode = (json: string, beside?: readonly number[]) => {
  const frame = Buffer.concat([Buffer.from(json), Buffer.from(beside ?? [])]);
  return decodeValue(frame, 0, frame.length, beside && Buffer.byteLength(json));
};

test("JSON comes back as it was, and nothing as nothing", () => {
  for (const value of [
    null,
    0,
    -0.5,
    "",
    "ünï 👍\u2028\u0000\ud800",
    true,
    [],
    {},
    [[], [null, { a: [{}] }]],
    { "": 1, length: 2, toString: 3 },
  ])
    expect(cross(value)).toEqual(value);
  expect(cross(undefined)).toBeUndefined();
  expect(cross({ a: undefined, b: [undefined] })).toEqual({ b: [null] });
  expect(cross(new Date(0))).toBe("1970-01-01T00:00:00.000Z");
  expect(cross({ at: { toJSON: () => "then" } })).toEqual({ at: "then" });
});

test("bytes come back wherever they stand, as a copy", () => {
  const bytes = new Uint8Array([0, 255, 128]);
  expect(cross(bytes)).toEqual(bytes);
  expect(cross(new Uint8Array(0))).toEqual(new Uint8Array(0));
  expect(cross(Buffer.from("text"))).toEqual(new Uint8Array([116, 101, 120, 116]));
  const value = { a: [1, bytes, { b: bytes.subarray(1), c: null }], d: "text", "": bytes, length: { 0: bytes } };
  const before = structuredClone(value);
  const back = cross(value) as typeof value;
  expect(back).toEqual(value);
  expect(value).toEqual(before);
  expect((back.a[1] as Uint8Array).buffer.byteLength).toBe(3);
  expect(back.a[1]).toBeInstanceOf(Uint8Array);
});

test("nothing in a value stands for bytes by looking like them", () => {
  const lookalikes = { $b: [0, 1], bytes: [["a"], 3], text: "\u0000bytes:0", places: [[["x"], 1]], x: null };
  expect(cross(lookalikes)).toEqual(lookalikes);
  expect(cross({ ...lookalikes, real: new Uint8Array(1) })).toEqual({ ...lookalikes, real: new Uint8Array(1) });
});

test("what JSON would drop is refused with its place", () => {
  for (const value of [() => 1, Symbol("s"), 1n]) {
    expect(() => encodeValue({ a: [{ callback: value }] })).toThrow(`a ${typeof value} at "callback"`);
    expect(() => encodeValue({ bytes: new Uint8Array(1), callback: value })).toThrow(TypeError);
  }
  for (const value of [() => 1, Symbol("s"), 1n]) expect(() => encodeValue(value)).toThrow(`a ${typeof value} cannot leave`);
  const heir = Object.assign(Object.create({ method: () => 1, bytes: new Uint8Array(1) }), { own: 1 });
  expect([cross(heir), cross([heir, new Uint8Array(1)])]).toEqual([{ own: 1 }, [{ own: 1 }, new Uint8Array(1)]]);
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(() => encodeValue(circle)).toThrow();
});

test("no name of the other side becomes a prototype, however it is written", () => {
  for (const name of ["__proto__", "\\u005f_proto__", "__pr\\u006fto__"]) {
    const value = decode(`{"a": [{"${name}": {"isOwner": true}, "b": 1}], "${name}": {"isOwner": true}}`) as { a: unknown[] };
    expect(Object.keys(value)).toEqual(["a"]);
    expect(value).toEqual({ a: [{ b: 1 }] });
    expect(Object.assign({}, value, value.a[0])).not.toHaveProperty("isOwner");
  }
  const named = decode('{"constructor": {"prototype": {"isOwner": true}}, "toString": 1}') as object;
  expect(Object.getPrototypeOf(named)).toBe(Object.prototype);
  expect(Object.keys(named)).toEqual(["constructor", "toString"]);
  expect({}).not.toHaveProperty("isOwner");
  const own = Object.defineProperty({ a: 1 }, "__proto__", { value: { isOwner: true, bytes: new Uint8Array(1) }, enumerable: true });
  expect(cross(own)).toEqual({ a: 1 });
  expect(cross({ own, beside: new Uint8Array(1) })).toEqual({ own: { a: 1 }, beside: new Uint8Array(1) });
});

test("what nests a million deep is taken apart without a stack", () => {
  const deep = 1_000_000;
  let value = decode(`${'{"__proto__":1,"a":'.repeat(deep)}1${"}".repeat(deep)}`) as { a: unknown };
  let depth = 0;
  for (; typeof value === "object"; value = value.a as typeof value) depth += Object.keys(value).length;
  expect(depth).toBe(deep);
});

test("a frame of more brackets than an honest one has is refused before it costs their memory", () => {
  const few = 1_000_000;
  expect(decode(`[${"[],".repeat(few)}0]`)).toHaveLength(few + 1);
  expect(() => decode(`[${"[],".repeat(4_000_000)}0]`)).toThrow("arrays and objects");
  expect(() => decode(`[${"{},".repeat(4_000_000)}0]`)).toThrow("arrays and objects");
  expect(decode(JSON.stringify("x".repeat(10_000_000)))).toHaveLength(10_000_000);
});

test("JSON that is none and bytes that belong nowhere are refused", () => {
  for (const json of ["{", "nul", "[1,]", "{'a':1}", "\u0000", "1 2", "NaN", "\ufeff1"])
    expect(() => decode(json)).toThrow("expected JSON");
  expect(() => decode("\xff\xfe")).toThrow("expected JSON");
  expect(() => decodeValue(Buffer.from("[1,[]]"), 0, 6, 7)).toThrow("expected JSON of 7 bytes");
  const refused = [
    ["1", []],
    ["[1]", []],
    ['[{"a":null},{}]', [1]],
    ['[{"a":null},[1]]', [1]],
    ['[{"a":null},[[["a"]]]]', [1]],
    ['[{"a":null},[["a",1]]]', [1]],
    ['[{"a":null},[[["a"],2]]]', [1]],
    ['[{"a":null},[[["a"],-1]]]', [1]],
    ['[{"a":null},[[["a"],0.5]]]', [1]],
    ['[{"a":null},[[["a"],"1"]]]', [1]],
    ['[{"a":null},[[["a"],1]]]', [1, 2]],
    ['[{"a":null},[[["b"],1]]]', [1]],
    ['[{"a":null},[[["a",0],1]]]', [1]],
    ['[{"a":1},[[["a"],1]]]', [1]],
    ['[{"a":null},[[["a"],0],[["a"],1]]]', [1]],
    ['[{"a":null},[[["a"],1],[["a","0"],0]]]', [1]],
    ['[{"a":null},[[["__proto__"],1]]]', [1]],
    ['[{"a":null},[[["__proto__","x"],1]]]', [1]],
    ['[{"__proto__":null},[[["__proto__"],1]]]', [1]],
    ['[{"a":null},[[["constructor","prototype"],1]]]', [1]],
    ['[[null],[[["0"],1]]]', [1]],
    ['[[null],[[["length"],1]]]', [1]],
    ["[[null],[[[1],1]]]", [1]],
    ["[[null],[[[-1],1]]]", [1]],
    ['[{"0":null},[[[0],1]]]', [1]],
    ["[[null],[[[[0]],1]]]", [1]],
  ] as const;
  for (const [json, beside] of refused) {
    let code: unknown = "nothing";
    try {
      decode(json, beside);
    } catch (error) {
      code = (error as { code?: unknown }).code;
    }
    expect(`${json}: ${code}`).toBe(`${json}: PLUGIN_PROTOCOL`);
  }
  expect(decode("[null,[[[],1]]]", [7])).toEqual(new Uint8Array([7]));
});
