import { expect, test } from "bun:test";
import { join } from "node:path";
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import type { ServerFrame } from "@pincer/plugin-sdk/wire/frames";
import { startBus } from "../../tests/support/bus.ts";
import { io, method } from "../../tests/support/methods.ts";

const published = await Bun.file(join(import.meta.dir, "../../node_modules/@openclaw/gateway-protocol/protocol.schema.json")).json();

/** What the published schema of that name finds wrong with the value. */
async function problemOf(name: string, value: unknown): Promise<string | undefined> {
  const check = await checker(reviveSchema(published.definitions[name]));
  return check.Check(value) ? undefined : `${name} ${describeMismatch(mismatchOf(check, value))}`;
}

const everything = ["operator.admin", "operator.approvals", "operator.questions", "operator.pairing", "operator.read"];

test("the lists that clients poll are answered empty, in the published shape", async () => {
  await using host = await startBus();
  const socket = await host.connect({ scopes: everything });
  const answers: [method: string, answer: unknown, schema?: string][] = [
    ["question.list", { questions: [] }, "QuestionListResult"],
    ["plugin.approval.list", []],
    ["exec.approval.list", []],
    ["openclaw.approval.list", []],
    ["taskSuggestions.list", { suggestions: [] }, "TaskSuggestionsListResult"],
    ["tasks.list", { tasks: [] }, "TasksListResult"],
    ["commands.list", { commands: [] }, "CommandsListResult"],
    ["node.list", { ts: expect.any(Number), nodes: [] }],
    ["node.pair.list", { pending: [], paired: [] }],
    ["update.status", { sentinel: null, updateAvailable: null }, "UpdateStatusResult"],
    ["last-heartbeat", null],
  ];
  for (const [name, answer, schema] of answers) {
    const given = await socket.call(name, {});
    expect([name, given]).toEqual([name, answer as never]);
    if (schema) expect(await problemOf(schema, await socket.call(name, {}))).toBeUndefined();
    expect(published.methods).toHaveProperty([name]);
  }
  expect(await problemOf("QuestionListResult", { questions: [{}] })).toStartWith("QuestionListResult at /questions/0");
});

test("an empty list asks for the scope that the published protocol asks for", async () => {
  await using host = await startBus();
  const nobody = await host.connect({ scopes: [] });
  for (const name of ["question.list", "plugin.approval.list", "tasks.list", "node.pair.list", "update.status", "last-heartbeat"]) {
    await expect(nobody.call(name)).rejects.toMatchObject({ error: { details: { missingScope: published.methods[name].scope } } });
  }
});

test("a plugin that brings the feature takes its list over", async () => {
  await using host = await startBus();
  const socket = await host.connect();
  host.plugins.methods.set(
    "tasks.list",
    method("tasks.list", () => ({ tasks: ["real"] })),
  );
  expect(await socket.call("tasks.list")).toEqual({ tasks: ["real"] });
  host.plugins.methods.delete("tasks.list");
  expect(await socket.call("tasks.list")).toEqual({ tasks: [] });
});

test("hello, frames and presence have the published shape", async () => {
  const clock = createManualClock();
  await using host = await startBus({ clock });
  const socket = await host.connect({ client: { id: "openclaw-tui", mode: "ui", timeZone: "Europe/Berlin" }, device: createDeviceKey() });
  // Observed on the wire, and missing in the package: how somebody was let in, and which client it is.
  const { method: _method, ...auth } = socket.hello["auth"] as Record<string, unknown>;
  const withoutClient = (entries: unknown) => (entries as Record<string, unknown>[]).map(({ clientId: _, ...entry }) => entry);
  const snapshot = socket.hello["snapshot"] as Record<string, unknown>;
  expect(
    await problemOf("HelloOk", { ...socket.hello, auth, snapshot: { ...snapshot, presence: withoutClient(snapshot["presence"]) } }),
  ).toBeUndefined();
  for (const entry of withoutClient(await host.bus.diagnostics.presence({}, io)))
    expect(await problemOf("PresenceEntry", entry)).toBeUndefined();
  await socket.call("shop.buy").catch(() => {});
  await clock.advance(60_000);
  await socket.until(({ event, seq }) => event === "health" && seq !== undefined);
  const schemaOf = ({ type }: ServerFrame) => (type === "res" ? "ResponseFrame" : "EventFrame");
  for (const frame of socket.frames) expect(await problemOf(schemaOf(frame), frame)).toBeUndefined();
  expect(new Set(socket.frames.map(({ type, event }) => event ?? type))).toEqual(
    new Set(["connect.challenge", "res", "presence", "health", "tick"]),
  );
});

test("a health check that fails is an answer's error, and does not keep the gateway from starting", async () => {
  await using host = await startBus({ deps: { health: () => Promise.reject(new Error("no disk")) } });
  const socket = await host.connect();
  await expect(socket.call("health")).rejects.toMatchObject({ error: { code: "UNAVAILABLE" } });
  expect(host.log.some(({ event }) => event === "bus.health-failed")).toBe(true);
});

test("what disturbed the gateway is remembered without payloads, up to a bound", async () => {
  const broken = method("shop.broken", () => Promise.reject(new Error("hunter2")));
  await using host = await startBus({ settings: { stabilityEvents: 3 }, methods: [broken] });
  const socket = await host.connect();
  for (let n = 0; n < 5; n++) await socket.call("shop.broken").catch(() => {});
  const { capacity, made, notes } = await host.bus.diagnostics.notes({}, io);
  expect({ capacity, made, seqs: notes.map(({ seq }) => seq) }).toEqual({ capacity: 3, made: 5, seqs: [3, 4, 5] });
  expect(notes).toMatchObject([{ type: "bus.fault", method: "shop.broken" }, {}, {}]);
  expect(JSON.stringify(notes)).not.toContain("hunter2");
});
