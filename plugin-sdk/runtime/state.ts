/** What a plugin keeps in memory, on its way from one generation to the next: JSON that the schemas of both accept, wherever they run. */
import { requireValid } from "../check.ts";
import type { Clock } from "../clock.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { within } from "./deadline.ts";
import { stateFailure } from "./loader.ts";
import type { Registrations } from "./registrations.ts";

const mostBytes = 2 ** 20;

/** As it crosses, also where nothing is crossed: what a generation gives is no part of it any more. */
export function plainState(state: unknown): unknown {
  const text = JSON.stringify(state ?? null);
  const bytes = Buffer.byteLength(text);
  if (bytes > mostBytes)
    throw pluginErrors.PLUGIN_STATE_REFUSED(
      `the state is ${bytes} bytes long, of which ${mostBytes} may be handed over: keep in ctx.store what grows`,
      { data: { bytes, most: mostBytes } },
    );
  return JSON.parse(text);
}

/** A generation, as far as its state is concerned. */
interface Keeper {
  readonly plugin: string;
  /** Its code's. */
  readonly folder: string;
  readonly name: string;
  readonly clock: Clock;
  readonly registered: Registrations;
  /** Waits for the calls inside, at most so long; answers with those that have not ended. */
  drain(ms: number): Promise<readonly string[]>;
}

/** Where whoever comes waits, in order, while it is closed. */
export class Door {
  #closed: PromiseWithResolvers<void> | undefined;

  get opening(): Promise<void> | undefined {
    return this.#closed?.promise;
  }
  close(): void {
    this.#closed ??= Promise.withResolvers();
  }
  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }
}

interface HandOver {
  readonly from: Keeper | undefined;
  readonly to: Keeper;
  /** What `to` itself gave away before, for when the state of `from` cannot be had. Then nothing fails of that. */
  readonly kept: unknown;
  /** Closed while nobody may come in; whoever asked for the hand-over opens it. */
  readonly door: Door;
  /** For all of it, since whoever comes meanwhile waits. */
  readonly ms: number;
  /** Ends what `from` does by itself; answers with what did not end. */
  ending(): Promise<readonly string[]>;
  /** Told of a state that is given up. */
  lost(error: Error): void;
}

/**
 * Has `to` take over the state of `from`, which nothing can change any more; answers with it. Throws `PLUGIN_STATE_REFUSED` or `PLUGIN_TIMEOUT`
 * when that cannot be, and nothing is kept.
 */
export async function handState({ from, to, kept, door, ms, ending, lost }: HandOver): Promise<unknown> {
  const [gives, takes] = [from, to].map((keeper) => keeper?.registered.get("state", "state") !== undefined);
  if (from && gives && !takes) lost(new Error(`${to.name} takes none`));
  if (!takes) return undefined;
  if (from && gives) {
    door.close();
    try {
      return await carry(from, to, ms, ending);
    } catch (error) {
      if (kept === undefined) throw error;
      lost(error as Error);
    }
  }
  if (kept !== undefined) await restore(to, kept, ms).catch(lost);
  return kept;
}

async function carry(from: Keeper, to: Keeper, ms: number, ending: HandOver["ending"]): Promise<unknown> {
  const { clock, name } = from;
  const begun = clock.monotonic();
  const left = () => Math.max(0, ms - (clock.monotonic() - begun));
  const hung = await within(clock, left(), ending(), `the end of what ${name} does by itself`);
  const running = [...hung, ...(await from.drain(left()))];
  if (running.length > 0)
    throw pluginErrors.PLUGIN_STATE_REFUSED(
      `${name} stays, since its state could still change after ${ms} ms (gateway.plugins.stateMs): there runs ${running.join(", ")}; try again when that has ended`,
      { data: { running } },
    );
  const state = await within(clock, left(), snapshot(from), `snapshot of ${name}`).catch((error) => {
    throw stateFailure(from.plugin, `${name} did not hand its state over`, from.folder, error);
  });
  await restore(to, state, left());
  return state;
}

async function snapshot({ name, registered }: Keeper): Promise<unknown> {
  const { schema, snapshot } = registered.required("state", "state");
  const state = plainState(await snapshot());
  requireValid(schema, state, refused(`the snapshot of ${name} is not what it declares`));
  return state;
}

async function restore({ plugin, folder, name, clock, registered }: Keeper, state: unknown, ms: number): Promise<void> {
  const { schema, restore } = registered.required("state", "state");
  const restoring = async () => {
    requireValid(schema, state, refused(`${name} does not accept the state of the generation before it`));
    await restore(structuredClone(state));
  };
  await within(clock, ms, restoring(), `restore of ${name}`).catch((error) => {
    throw stateFailure(plugin, `${name} did not take the state over`, folder, error);
  });
}

const refused = (what: string) => (how: string, mismatch: object) =>
  pluginErrors.PLUGIN_STATE_REFUSED(`${what} ${how}`, { data: { ...mismatch } });
