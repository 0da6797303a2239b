/** A provider and its scripted vendor, as the tests of its suite share them. */
import type { ImplementationOf } from "../contract.ts";
import { provider } from "../contracts/provider.ts";
import { createManualClock } from "./clock.ts";
import type { Mode } from "./modes.ts";
import type { PluginKit, StartPluginOptions } from "./plugin.ts";
import type { ScriptedVendor } from "./vendor-script.ts";

/** After how much silence a vendor is given up. A process waits for it in earnest. */
const IDLE_MS: Readonly<Record<Mode, number>> = { inline: 1_000, loopback: 1_000, process: 2_000 };

/** How a provider's plugin and its vendor are started. */
export interface ProviderStart {
  startVendor(): ScriptedVendor;
  /**
   * Starts the plugin against a vendor at that address, which is given up after that much silence. `options` are to be handed on to `startPlugin`.
   */
  startPlugin(origin: string, options: Pick<StartPluginOptions, "mode" | "clock">, idleMs: number): Promise<PluginKit>;
}

/** When every test begins whose clock is driven. */
const MIDNIGHT = Date.UTC(2026, 10, 20);

/** The plugin and its vendor as one test sees them: what came before is forgotten. */
export interface Fixture {
  readonly provider: ImplementationOf<typeof provider>;
  readonly vendor: Pick<ScriptedVendor, "ledger" | "answer" | "received" | "eventsOf">;
  readonly kit: PluginKit;
  /** How many timers wait that did not before. */
  timers(): number;
  /** Resolves once the vendor was silent for too long; in a process time passes by itself. */
  silence(): Promise<void>;
}

export async function startBoth(suite: ProviderStart, mode: Mode) {
  await using opened = new AsyncDisposableStack();
  const vendor = opened.use(suite.startVendor());
  const clock = mode === "process" ? undefined : createManualClock();
  const kit = opened.use(await suite.startPlugin(vendor.origin, { mode, ...(clock && { clock }) }, IDLE_MS[mode]));
  const lifetime = opened.move();
  return { vendor, clock, kit, [Symbol.asyncDispose]: () => lifetime.disposeAsync() };
}

export function fixtureOf({ vendor, clock, kit }: Awaited<ReturnType<typeof startBoth>>, mode: Mode): Fixture {
  clock?.jump(MIDNIGHT - clock.now());
  const [before, timers] = [vendor.ledger.length, clock?.timers ?? 0];
  return {
    provider: kit.uses(provider),
    kit,
    vendor: {
      get ledger() {
        return vendor.ledger.slice(before);
      },
      answer: vendor.answer,
      eventsOf: vendor.eventsOf,
      received: (number) => vendor.received(before + number),
    },
    timers: () => (clock?.timers ?? 0) - timers,
    silence: async () => clock?.advance(IDLE_MS[mode] * 2),
  };
}
