/**
 * The schemas of the map refuse what is wrong: every payload of a full run, broken in every place. It is about the schemas, so that one run is
 * enough: that payloads fit them wherever plugins run, methods.test.ts says.
 */
import { beforeAll, expect, test } from "bun:test";
import { badParams } from "./bad-params.ts";
import { events } from "./events.ts";
import { startHouse } from "./house.ts";
import { connect, methods } from "./map.ts";
import { mutationsOf } from "./mutations.ts";
import { published, validator } from "./published.ts";
import { createRecorder, fits, type Sample } from "./recorder.ts";
import { furnish, goodCalls, paramsOf, tour, type World } from "./tour.ts";

/** Places of one payload that are broken. */
const places = 150;

let samples: readonly Sample[] = [];
const given: { method: string; params: Readonly<Record<string, unknown>> }[] = [];

beforeAll(async () => {
  await using house = await startHouse();
  const world: World = await furnish(house);
  for (const [method, params] of goodCalls) given.push({ method, params: await paramsOf(world, params) });
  await tour(world);
  samples = house.recorder.samples;
});

test("a payload with a key dropped or a value of another type does not fit, wherever the schema says what belongs there", () => {
  let bitten = 0;
  const missed: string[] = [];
  for (const { of, schema, value } of samples) {
    for (const { path, fault, value: mutated, allowed } of mutationsOf(schema, value, places)) {
      if (allowed) continue;
      if (fits(schema, mutated)) missed.push(`${of}: ${path} ${fault}`);
      else bitten++;
    }
  }
  expect(missed).toEqual([]);
  expect(bitten).toBeGreaterThan(5_000);
});

/** Answers that hold nothing, and so nothing that can be broken. */
const nothing = new Set(["last-heartbeat result", "openclaw.approval.list result"]);

test("no schema of a result or an event takes everything", () => {
  const toothless = samples.filter(({ of, schema, value }) => {
    if (!/ (result|accepted)$|^event /.test(of) || nothing.has(of)) return false;
    return !mutationsOf(schema, value, places).some((mutation) => mutation.fault === "dropped" && !fits(schema, mutation.value));
  });
  expect([...new Set(toothless.map(({ of }) => of))]).toEqual([]);
});

/** One takes half a minute, the others a registry that revokes and publishes: tests/registry holds those against the map. */
const elsewhere = ["event tick", "event registry-client.revoked", "event registry-client.updated"];

test("every result and event of the map was seen, so that none of this is idle; those that take more than a conversation need not be", () => {
  const seen = new Set([...elsewhere, ...samples.map(({ of }) => of)]);
  const wanted = [...Object.keys(methods).map((name) => `${name} result`), ...Object.keys(events).map((name) => `event ${name}`)];
  expect(wanted.filter((name) => !seen.has(name))).toEqual([]);
});

/** Published with a keyword that our checker does not know. */
const ours = new Set(["ModelsListParams", "PluginApprovalRequestParams"]);

const camel = (method: string) => method.replace(/(^|[.-])(\w)/g, (_all, _dot, letter: string) => letter.toUpperCase());

test("what the schemas say of parameters, the package's own validators say too", () => {
  const differing: string[] = [];
  let compared = 0;
  for (const { method, params } of given) {
    const name = `${camel(method)}Params`;
    const isValid = validator(name);
    if (isValid === undefined || ours.has(name)) continue;
    const schema = published(name);
    for (const { params: value } of [{ params }, ...badParams(schema, params)]) {
      compared++;
      if (isValid(value) !== fits(schema, value)) differing.push(`${name} ${JSON.stringify(value)}`);
    }
  }
  expect(differing).toEqual([]);
  expect(compared).toBeGreaterThan(1_000);
});

test("a recorder tells what is wrong with a frame, in both directions", () => {
  const told = (frames: readonly (readonly ["in" | "out", Readonly<Record<string, unknown>>])[]) => {
    const { onFrame, problems } = createRecorder();
    for (const [direction, frame] of frames) onFrame(direction, frame);
    return problems.map((problem) => problem.split(":")[0]);
  };
  const ask = (method: string, params: unknown) => ["out", { type: "req", id: "1", method, params }] as const;
  const answer = (payload: unknown) => ["in", { type: "res", id: "1", ok: true, payload }] as const;
  const refuse = (error: unknown) => ["in", { type: "res", id: "1", ok: false, error }] as const;
  const event = (name: string, payload: unknown, more = {}) => ["in", { type: "event", event: name, payload, ...more }] as const;

  expect(told([ask("agents.list", { surprise: 1 }), answer({})])).toEqual(["agents.list params", "agents.list result"]);
  expect(told([ask("chat.nothing", {}), answer({})])).toEqual(["chat.nothing"]);
  expect(told([answer({})])).toEqual(["res 1"]);
  expect(told([ask("sessions.subscribe", {}), answer({ subscribed: true }), answer({ subscribed: true })])).toEqual(["res 1"]);
  expect(told([ask("agents.list", {}), ["in", { type: "res", id: "1", ok: false }]])).toEqual(["res 1", "agents.list error"]);
  expect(told([ask("agents.list", {}), refuse({ code: "OOPS", message: "no", details: { code: "A_B" } })])).toEqual(["agents.list error"]);
  expect(told([ask("agents.list", {}), refuse({ code: "FORBIDDEN", message: "no", details: { code: "MISSING_SCOPE" } })])).toEqual([
    "agents.list error",
  ]);
  const invalid = { code: "INVALID_REQUEST", message: "no", details: { code: "BUS_PARAMS_INVALID", path: "/" } };
  expect(told([ask("agents.list", {}), refuse(invalid)])).toEqual(["agents.list params"]);
  expect(told([event("tick", { ts: "now" }), event("rumour", {}), event("tick", {}, { seq: -1 })])).toEqual([
    ...["event tick", "event rumour", "frame event"],
  ]);
  expect(
    told([
      event("presence", { presence: [] }),
      event("connect.challenge", { nonce: crypto.randomUUID(), ts: 1_795_000_000_000 }, { seq: 1 }),
    ]),
  ).toEqual([...["event presence", "event presence", "event connect.challenge"]]);
  expect(told([["in", { type: "shout" }]])).toEqual(["frame of type shout"]);
  expect(fits(connect.result, { type: "hello-ok" })).toBe(false);
});
