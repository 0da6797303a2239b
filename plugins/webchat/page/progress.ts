/** What a button began: that it is on its way, or why it did not succeed. */
import { signal } from "@preact/signals";
import { messageOf } from "./state.ts";

export function createProgress() {
  const all = signal<ReadonlyMap<string, { readonly error?: string }>>(new Map());
  return {
    of: (key: string) => all.value.get(key),
    /** `after` runs in either case, and what failed is said when it has. */
    async run(key: string, work: () => Promise<unknown>, after: () => Promise<unknown>): Promise<void> {
      all.value = new Map(all.value).set(key, {});
      const error = await work().then(() => undefined, messageOf);
      await after();
      const next = new Map(all.value);
      if (error === undefined) next.delete(key);
      else next.set(key, { error });
      all.value = next;
    },
  };
}
