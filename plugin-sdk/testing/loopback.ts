/** A contract's implementation behind a process border that stands in one process: what works through this works in a process of its own. */
import type { Contract, ImplementationOf, Io } from "../contract.ts";
import { faultOf, pluginErrors } from "../plugin-errors.ts";
import { frameSocket } from "../runtime/frames.ts";
import { bindMembers } from "../runtime/members.ts";
import { Peer } from "../runtime/peer.ts";
import type { Implementation } from "../runtime/registrations.ts";
import { createManualClock } from "./clock.ts";
import { joinInMemory, joinOverSocket, servesNothing } from "./peers.ts";

/** The implementation in the kernel's process, through the same checks. */
export function inline<C extends Contract>(contract: C, implementation: ImplementationOf<C>): ImplementationOf<C> {
  const members = implementation as Implementation;
  return bindMembers(contract, "inline", {
    has: (member) => members[member] !== undefined,
    resolve: async () => ({ implementation: members, leave: () => undefined, blame: (error, what) => faultOf(error, "inline", what) }),
  });
}

/** Behind two peers whose frames stay in memory. */
export const loopback = <C extends Contract>(contract: C, implementation: ImplementationOf<C>): ImplementationOf<C> => {
  const { near, far, border } = createBorder();
  joinInMemory(near, far);
  return border.hold(contract, implementation);
};

export interface Border extends Disposable {
  /** The implementation, as it is held from the other side. */
  hold<C extends Contract>(contract: C, implementation: ImplementationOf<C>): ImplementationOf<C>;
}

/** Behind two peers with a unix socket between them. */
export async function socketBorder(): Promise<Border> {
  const { near, far, border } = createBorder();
  await joinOverSocket(near, far);
  return border;
}

function createBorder() {
  const held: Implementation[] = [];
  const run = (target: string, params: unknown, io: Io) => {
    const [index, member = ""] = target.split("/");
    const implementation = held[Number(index)];
    const found = implementation?.[member];
    if (!found) throw pluginErrors.CAPABILITY_MISSING(`${target} is not held`);
    return found.call(implementation, params, io);
  };
  const options = { clock: createManualClock(), abortMs: 5_000, tellsFaults: true };
  const serving = new Peer({
    ...options,
    served: {
      call: async (...given) => await run(...given),
      stream: (...given) => run(...given) as AsyncGenerator<unknown, unknown, void>,
    },
  });
  const asking = new Peer({ ...options, served: servesNothing });
  const border: Border = {
    hold(contract, implementation) {
      const index = held.push(implementation as Implementation) - 1;
      const near = Object.fromEntries(
        Object.entries(contract.members).map(([name, { kind }]) => [
          name,
          (params: unknown, io: Io) => asking[kind](`${index}/${name}`, params, io),
        ]),
      );
      return bindMembers(contract, "loopback", {
        has: (member) => held[index]?.[member] !== undefined,
        resolve: async () => ({
          implementation: near,
          leave: () => undefined,
          isEnd: asking.isEnd,
          blame: (error, what) => faultOf(error, "loopback", what),
        }),
      });
    },
    [Symbol.dispose]: () => asking.end(pluginErrors.PLUGIN_GONE("the border was taken down")),
  };
  const onEnd = () => undefined;
  return { near: frameSocket(asking, { onEnd }), far: frameSocket(serving, { onEnd }), border };
}
