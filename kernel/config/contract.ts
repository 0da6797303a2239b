/** The configuration as plugins see it: secrets leave as a placeholder, and a placeholder that comes back means the secret that is there. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { type Json, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";
import { redact, restore } from "@pincer/plugin-sdk/redact";
import type { Config, Snapshot } from "./config.ts";

export function configurationFor(config: Config): ImplementationOf<typeof configuration> {
  const redacted = (value: Json) => redact(value, config.isSecret);
  const shown = ({ raw, written, value, issues, hash, appliedHash }: Snapshot) => ({
    path: config.path,
    exists: raw !== undefined,
    // A text that cannot be parsed cannot be redacted either.
    raw: raw === undefined || written === undefined ? null : editJson5(raw, redacted(written)),
    written: redacted(written ?? {}),
    value: redacted(value),
    issues: [...issues],
    hash,
    appliedHash,
  });
  return {
    read: async () => shown(config.current()),
    edit: async ({ value, baseHash }) =>
      shown(await config.write({ baseHash, edit: ({ raw = "{}", written }) => editJson5(raw, restore(value as Json, written)) })),
    replace: async ({ raw, baseHash }) =>
      shown(await config.write({ baseHash, edit: ({ written }) => editJson5(raw, restore(jsonOf(parseJson5(raw)), written)) })),
    schema: async () => ({ schema: config.schema() }),
  };
}
