/** The lanes as plugins see them. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import type { Statement } from "../../store/store.ts";
import type { Lanes } from "./lanes.ts";

/** @param keep the statements that keep a plugin's own values, in the commit of an admission. */
export const lanesFor = (all: Lanes, keep: (values: Readonly<Record<string, unknown>>) => Statement[]): ImplementationOf<typeof lanes> => ({
  admit: async ({ admissions, values = {} }) => ({ jobs: [...(await all.admitAll(admissions, keep(values)))] }),
  wait: ({ key }, { signal }) => all.wait(key, signal),
  find: async ({ key }) => (await all.find(key)) ?? null,
  async status({ lane }) {
    const { running = null, waiting } = all.status(lane);
    return { running, waiting: [...waiting] };
  },
  cancel: async ({ reason, ...which }) => ({ keys: await all.cancel(which, reason) }),
});
