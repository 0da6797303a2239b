/**
 * One `send` that takes several calls of the platform, such as a text and a file that does not fit beside it. Delivery repeats the whole `send`
 * when a later call was refused for now, and what went out before must not go out again: what was done is kept until all is.
 */
import type { Clock } from "../clock.ts";
import type { KeyValueStore } from "../plugin.ts";

/** Longer than delivery tries: what it gave up is forgotten then. */
const KEPT_MS = 24 * 3_600_000;

interface Done {
  readonly at: number;
  readonly ids: readonly string[];
}

interface Steps {
  readonly clock: Clock;
  readonly store: KeyValueStore;
  /** Of the request. */
  readonly key: string;
  /** Each makes one message, and answers with its id. */
  readonly steps: readonly (() => Promise<string>)[];
}

/** What delivery repeats. */
const again: ReadonlySet<unknown> = new Set(["CHANNEL_RATE_LIMITED", "CHANNEL_UNAVAILABLE", "CHANNEL_LOGIN_REQUIRED"]);

/** The ids of the messages, in order. */
export async function sendInSteps({ clock, store, key, steps }: Steps): Promise<readonly string[]> {
  const [only] = steps;
  if (only && steps.length === 1) return [await only()];
  const name = `sent:${key}`;
  const kept = await store.list<Done>("sent:");
  const old = kept.filter(({ key: other, value }) => other !== name && value.at < clock.now() - KEPT_MS);
  const ids = [...(kept.find((entry) => entry.key === name)?.value.ids ?? [])];
  const forgotten: Record<string, unknown> = Object.fromEntries(
    [name, ...old.map(({ key: other }) => other)].map((each) => [each, undefined]),
  );
  try {
    for (const step of steps.slice(ids.length)) {
      ids.push(await step());
      await store.set({ [name]: { at: clock.now(), ids } satisfies Done });
    }
  } catch (error) {
    if (!again.has((error as { readonly code?: unknown }).code)) await store.set(forgotten);
    throw error;
  }
  await store.set(forgotten);
  return ids;
}
