/** A contract's implementation behind an imitated process border: what works through this works in a process of its own. */
import type { Contract, ImplementationOf, Io } from "../contract.ts";
import { GatewayError, isGatewayError } from "../error.ts";
import { faultOf, pluginErrors } from "../plugin-errors.ts";
import { bindMembers } from "../runtime/members.ts";
import type { Implementation } from "../runtime/registrations.ts";

/** Items that may be on their way before the reader has taken one. */
const window = 256;

/** Values cross as JSON with bytes beside it, errors as their code, message and data, aborts as a message; all of it takes its time. */
export function loopback<C extends Contract>(contract: C, implementation: ImplementationOf<C>): ImplementationOf<C> {
  const far = implementation as Implementation;
  const near = Object.fromEntries(
    Object.entries(contract.members).map(([name, { kind }]) => {
      const what = `${contract.id}/loopback.${name}`;
      const run = (params: unknown, io: Io) => far[name]?.bind(implementation)(params, io);
      return [name, kind === "call" ? crossCall(run, what) : crossStream(run, what)];
    }),
  );
  return bindMembers(contract, "loopback", {
    has: (member) => far[member] !== undefined,
    resolve: async () => ({ implementation: near, leave: () => undefined, blame: (error) => error }),
  });
}

/** The implementation in the kernel's process, through the same checks. */
export function inline<C extends Contract>(contract: C, implementation: ImplementationOf<C>): ImplementationOf<C> {
  const members = implementation as Implementation;
  return bindMembers(contract, "inline", {
    has: (member) => members[member] !== undefined,
    resolve: async () => ({ implementation: members, leave: () => undefined, blame: (error, what) => faultOf(error, "inline", what) }),
  });
}

type Run = (params: unknown, io: Io) => unknown;

const crossing = () => new Promise<void>((arrived) => setImmediate(arrived));

/** The far side's signal: it aborts, with a reason of its own, some time after the near one. */
function farSignal(near: AbortSignal): AbortController {
  const controller = new AbortController();
  const told = () => setImmediate(() => controller.abort(pluginErrors.PLUGIN_UNLOADED("the caller went away")));
  if (near.aborted) told();
  else near.addEventListener("abort", told, { once: true });
  return controller;
}

const crossCall = (run: Run, what: string) => async (params: unknown, io: Io) => {
  const [sent, { signal }] = [copy(params, what), farSignal(io.signal)];
  await crossing();
  try {
    return copy(await run(sent, { signal }), what);
  } catch (error) {
    throw copyError(error, what);
  } finally {
    await crossing();
  }
};

const crossStream = (run: Run, what: string) =>
  async function* (params: unknown, io: Io): AsyncGenerator<unknown, unknown, void> {
    const [sent, stop] = [copy(params, what), farSignal(io.signal)];
    await crossing();
    const arrived: unknown[] = [];
    let outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
    let wakeReader = () => {};
    let wakeWriter = () => {};
    const writing = (async () => {
      const items = run(sent, { signal: stop.signal }) as AsyncGenerator<unknown, unknown, void>;
      try {
        for (;;) {
          while (arrived.length >= window && !stop.signal.aborted) await new Promise<void>((wake) => (wakeWriter = wake));
          const step = stop.signal.aborted && arrived.length >= window ? await items.return(undefined) : await items.next();
          const value = copy(step.value, what);
          await crossing();
          if (step.done) return { value };
          arrived.push(value);
          wakeReader();
        }
      } catch (error) {
        return { error: copyError(error, what) };
      }
    })().then((end) => {
      outcome = end;
      wakeReader();
    });
    try {
      for (;;) {
        if (arrived.length > 0) {
          yield arrived.shift();
          wakeWriter();
        } else if (outcome) {
          if ("error" in outcome) throw outcome.error;
          return outcome.value;
        } else await new Promise<void>((wake) => (wakeReader = wake));
      }
    } finally {
      stop.abort(pluginErrors.PLUGIN_UNLOADED("the reader left"));
      arrived.length = 0;
      wakeWriter();
      await writing;
    }
  };

const mark = "\u0000bytes:";

/** As it is after a frame: plain JSON, bytes carried beside it. Throws for what no frame can hold. */
function copy(value: unknown, what: string): unknown {
  const bytes: Uint8Array[] = [];
  const text = JSON.stringify(value ?? null, (key, member) => {
    if (member instanceof Uint8Array) return `${mark}${bytes.push(member.slice()) - 1}`;
    if (typeof member === "function" || typeof member === "symbol" || typeof member === "bigint")
      throw new TypeError(`${what}: a ${typeof member} at "${key}" cannot leave its process`);
    return member;
  });
  return JSON.parse(text, (_, member) =>
    typeof member === "string" && member.startsWith(mark) ? bytes[Number(member.slice(mark.length))] : member,
  );
}

/** Code, message, retryability and data cross; a cause never does. */
function copyError(error: unknown, what: string): GatewayError {
  const { code, message, wire, retryable, retryAfterMs, data } = isGatewayError(error) ? error : faultOf(error, "loopback", what);
  const options = {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(data && { data: copy(data, what) as Record<string, unknown> }),
  };
  return new GatewayError(code, { message, wire, retryable }, message, options);
}
