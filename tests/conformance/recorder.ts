/**
 * Checks every frame of a run against the map, in both directions. One recorder may watch any number of connections:
 * `startTestGateway({ onFrame: recorder.onFrame })`, or `startTap` for clients that are not ours.
 */
import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { errorProblem } from "./errors.ts";
import { events } from "./events.ts";
import { connect, frames, methods } from "./map.ts";

export type Direction = "in" | "out";
type Frame = Readonly<Record<string, unknown>>;

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>();

function compile(schema: TSchema): TypeCheck<TSchema> {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const check = TypeCompiler.Compile(schema);
  compiled.set(schema, check);
  return check;
}

export const fits = (schema: TSchema, value: unknown): boolean => compile(schema).Check(value);

/** What is wrong with a value; `undefined` when it fits. */
function misfit(schema: TSchema, value: unknown): string | undefined {
  const check = compile(schema);
  if (check.Check(value)) return undefined;
  const said = [...check.Errors(value)].slice(0, 4).map(({ path, message, value: got }) => `${path || "/"}: ${message}, got ${brief(got)}`);
  return said.join("; ");
}

const brief = (value: unknown) => (JSON.stringify(value) ?? "nothing").slice(0, 80);

/** A real payload, for whoever wants to know what the schemas make of it. */
export interface Sample {
  readonly of: string;
  readonly schema: TSchema;
  readonly value: unknown;
}

export interface Recorder {
  onFrame(direction: Direction, frame: Frame): void;
  /** What broke the wire's law, in the order in which it was seen. */
  readonly problems: readonly string[];
  readonly counts: { requests: number; responses: number; errors: number; events: number };
  /** Methods that were answered with a result, and events that came. */
  readonly seen: ReadonlySet<string>;
  readonly samples: readonly Sample[];
}

interface Request {
  readonly method: string;
  readonly params: unknown;
  answers: number;
}

/** Most samples of one kind that are kept. */
const kept = 3;

export function createRecorder(): Recorder {
  const problems: string[] = [];
  const counts = { requests: 0, responses: 0, errors: 0, events: 0 };
  const open = new Map<string, Request>();
  const seen = new Set<string>();
  const samples: Sample[] = [];
  const perKind = new Map<string, number>();

  const check = (of: string, schema: TSchema, value: unknown): boolean => {
    const wrong = misfit(schema, value);
    if (wrong !== undefined) {
      problems.push(`${of}: ${wrong}`);
      return false;
    }
    const number = (perKind.get(of) ?? 0) + 1;
    perKind.set(of, number);
    if (number <= kept) samples.push({ of, schema, value });
    return true;
  };

  function requested(frame: Frame): void {
    counts.requests++;
    const { id, method, params } = frame as { id?: unknown; method?: unknown; params?: unknown };
    if (typeof id === "string" && typeof method === "string") open.set(id, { method, params, answers: 0 });
  }

  function answered(frame: Frame): void {
    counts.responses++;
    if (!check("frame res", frames.res, frame)) return;
    const { id, ok, payload, error } = frame as { id: string; ok: boolean; payload?: unknown; error?: Frame };
    if (ok !== (error === undefined))
      problems.push(`res ${id}: ok is ${ok}, and ${error === undefined ? "there is no error" : "there is an error"}`);
    const request = open.get(id);
    if (request === undefined) {
      if (id !== "invalid") problems.push(`res ${id}: nobody asked`);
      return;
    }
    const { method, params } = request;
    request.answers++;
    if (!ok) {
      counts.errors++;
      open.delete(id);
      refused(request, error ?? {});
      return;
    }
    if (method === "connect") {
      check("connect params", connect.params, params);
      check("connect result", connect.result, payload);
      open.delete(id);
      return;
    }
    const entry = methods[method];
    if (entry === undefined) {
      problems.push(`${method}: was answered, and is not in the map`);
      return;
    }
    seen.add(method);
    if (request.answers === 1) {
      check("frame req", frames.req, { type: "req", id, method, ...(params === undefined ? {} : { params }) });
      check(`${method} params`, entry.params, params ?? {});
      // A repetition of what is over is answered once, with the result.
      const isFirst = entry.accepted !== undefined && (payload as { status?: unknown } | null)?.status === "accepted";
      if (entry.accepted !== undefined && isFirst) return void check(`${method} accepted`, entry.accepted, payload);
    }
    check(`${method} result`, entry.result, payload);
    open.delete(id);
  }

  function refused({ method, params }: Request, error: Frame): void {
    const wrong = errorProblem(error);
    if (wrong !== undefined) problems.push(`${method} error: ${wrong}: ${brief(error)}`);
    const { details } = error as { details?: { code?: unknown; path?: unknown } };
    const entry = methods[method];
    if (details?.code !== "BUS_PARAMS_INVALID" || entry === undefined) return;
    const foreign = entry.refuses?.some((name) => String(details.path).startsWith(`/${name}`)) ?? false;
    if (!foreign && fits(entry.params, params ?? {}))
      problems.push(`${method} params: refused, and the wire allows them: ${String(error["message"])}`);
  }

  function announced(frame: Frame): void {
    counts.events++;
    if (!check("frame event", frames.event, frame)) return;
    const { event, payload, seq, stateVersion } = frame as { event: string; payload?: unknown; seq?: number; stateVersion?: unknown };
    const entry = events[event];
    if (entry === undefined) return void problems.push(`event ${event}: is not in the map`);
    seen.add(event);
    check(`event ${event}`, entry.payload, payload);
    if (entry.versioned === true && stateVersion === undefined) problems.push(`event ${event}: has no stateVersion`);
    if (entry.versioned !== true && stateVersion !== undefined) problems.push(`event ${event}: has a stateVersion`);
    if (entry.unicast === true && seq !== undefined) problems.push(`event ${event}: is sent to one connection, and has a seq`);
  }

  return {
    problems,
    counts,
    seen,
    samples,
    onFrame(direction, frame) {
      if (direction === "out") requested(frame);
      else if (frame["type"] === "res") answered(frame);
      else if (frame["type"] === "event") announced(frame);
      else problems.push(`frame of type ${String(frame["type"])}`);
    },
  };
}
