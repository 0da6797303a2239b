import { describe, expect } from "bun:test";
import { WireFailure } from "@pincer/plugin-sdk/testing/client";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { badParams, isClosed, propertiesOf, unknownKey } from "./bad-params.ts";
import { events } from "./events.ts";
import { inEachIsolation, type Payload, processPlugins, startHouse } from "./house.ts";
import { methods } from "./map.ts";
import { fits } from "./recorder.ts";
import { furnish, goodParams, tour } from "./tour.ts";

/** A value that fits, as far as one can be made up; else null, which is known by its name all the same where parameters are closed. */
function sampleOf(schema: TSchema): unknown {
  try {
    return Value.Create(schema);
  } catch {
    return null; // silent-ok: a pattern or a rule about items, for which nothing can be made up
  }
}

/** Parameters that are open because plugins' facets stand beside the fields are looked at by the method itself. */
const refusalCodes = ["BUS_PARAMS_INVALID", "SESSION_FIELD_INVALID"];

inEachIsolation(
  (isolation) => startHouse({ isolation }),
  (house, test, isolation) => {
    let good: ReadonlyMap<string, Payload>;
    const advertised = (what: "methods" | "events") => (house().client.hello["features"] as Record<string, string[]>)[what]!;

    test("the map has an entry for each method and event that the gateway advertises, and for nothing else", () => {
      expect(Object.keys(methods).toSorted()).toEqual(advertised("methods").toSorted());
      expect(Object.keys(events).toSorted()).toEqual(advertised("events").toSorted());
    });

    test("every method answers good calls in the shape that the wire knows", async () => {
      const world = await furnish(house());
      good = await goodParams(world);
      await tour(world);
      expect([...good.keys()].toSorted()).toEqual(Object.keys(methods).toSorted());
      expect(Object.keys(methods).filter((method) => !house().recorder.seen.has(method))).toEqual([]);
      expect(house().recorder.problems).toEqual([]);
      const failed = /^(turn\.failed|hook\.failed|lanes\.job-failed|plugin\.(fault|crashed|failed))$/;
      expect(house().gateway.lines.filter(({ event }) => failed.test(String(event)))).toEqual([]);
      const active = house()
        .gateway.gateway.host.list()
        .filter(({ id, state }) => state === "active" && processPlugins.includes(id));
      expect(active.length).toBeGreaterThan(10);
      const where = isolation === "process" ? { isolation, enforced: true } : { isolation, enforced: false };
      for (const { id, isolation: found, enforced } of active) expect({ id, isolation: found, enforced }).toEqual({ id, ...where });
    });

    /** The error of a call that has to be refused. */
    async function refusal(method: string, params: unknown) {
      try {
        await (await house().caller(methods[method]?.scope)).call(method, params);
      } catch (error) {
        if (error instanceof WireFailure) return error.error;
        throw error;
      }
      throw new Error(`${method} took ${JSON.stringify(params)?.slice(0, 300)}`);
    }

    /** Good parameters whose key has not been used. */
    function fresh(method: string): Payload {
      const params = good.get(method)!;
      return "idempotencyKey" in params ? { ...params, idempotencyKey: crypto.randomUUID() } : params;
    }

    describe("parameters that the wire does not allow are refused, and the error says where", () => {
      for (const [method, entry] of Object.entries(methods)) {
        test(method, async () => {
          for (const { fault, params } of badParams(entry.params, fresh(method))) {
            expect({ fault, fits: fits(entry.params, params) }).toEqual({ fault, fits: false });
            const { code, details, message } = await refusal(method, params);
            expect({ fault, code, known: refusalCodes.includes(String(details?.["code"])) }).toEqual({
              fault,
              code: "INVALID_REQUEST",
              known: true,
            });
            if (details?.["code"] === "BUS_PARAMS_INVALID")
              expect(message).toMatch(new RegExp(`^invalid ${method} params: at /.*: expected .+, got .+`));
          }
        });
      }
    });

    describe("a property that the wire knows is taken, or listed as refused", () => {
      for (const [method, { params, refuses = [] }] of Object.entries(methods)) {
        const names = Object.keys(propertiesOf(params));
        if (!isClosed(params)) continue;
        test(method, async () => {
          expect(refuses.filter((name) => !names.includes(name))).toEqual([]);
          const wrong: string[] = [];
          for (const [name, schema] of Object.entries(propertiesOf(params))) {
            const { [name]: value = fits(schema, "text") || refuses.includes(name) ? "text" : sampleOf(schema), ...rest } = fresh(method);
            // Unknown keys are refused first, in their order: a known one is passed over for the one behind it.
            const { details, message } = await refusal(method, { [name]: value, ...rest, [unknownKey]: 1 });
            const isTaken = details?.["path"] !== `/${name}` && !message.startsWith(`"${name}" cannot be set`);
            if (isTaken === refuses.includes(name)) wrong.push(`${name} is ${isTaken ? "taken" : "refused"}: ${message}`);
          }
          expect(wrong).toEqual([]);
        });
      }
    });

    test("a method that does not exist is unknown, by its name", async () => {
      expect(await refusal("no.such.method", {})).toMatchObject({ code: "INVALID_REQUEST", message: "unknown method: no.such.method" });
      expect(await refusal("node.pair.request", {})).toMatchObject({
        code: "INVALID_REQUEST",
        message: "unknown method: node.pair.request",
      });
    });
  },
);
