/** What a button began: that it is on its way, or why it did not succeed. */
import { signal } from "@preact/signals";
import { type Failure, failureOf } from "./state.ts";

export function createProgress() {
  const all = signal<ReadonlyMap<string, { readonly error?: string; readonly code?: string }>>(new Map());
  return {
    of: (key: string) => all.value.get(key),
    /** `after` runs in either case, and what failed is said when it has. */
    async run(key: string, work: () => Promise<unknown>, after: () => Promise<unknown>): Promise<void> {
      all.value = new Map(all.value).set(key, {});
      const failed: Failure | undefined = await work().then(() => undefined, failureOf);
      await after();
      const next = new Map(all.value);
      if (failed === undefined) next.delete(key);
      else next.set(key, { error: failed.message, code: failed.code });
      all.value = next;
    },
  };
}
