/** What was installed and nobody should run any more: it is turned off, and stays so until another version takes its place. */

import { revocationOf } from "@pincer/registry/revocations";
import { type Static, Type } from "@sinclair/typebox";
import type { RegistrySources } from "../sources/registry.ts";
import { keyOf, nameOf, type Packages } from "./lock.ts";
import { PlanItem } from "./plan.ts";

export const Revoked = Type.Object(
  {
    kind: PlanItem.properties.kind,
    id: Type.String(),
    version: Type.String(),
    /** Whose word it is. */
    registry: Type.String(),
    reason: Type.String(),
    /** The version to go back to. */
    lastGood: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false },
);
export type Revoked = Static<typeof Revoked>;

export interface Look {
  readonly revoked: readonly Revoked[];
  /** Registries that could not be asked, and why. */
  readonly unanswered: readonly { readonly registry: string; readonly why: unknown }[];
}

/** Of what is installed from registries. */
export async function lookForRevoked(packages: Packages, registries: RegistrySources, signal: AbortSignal): Promise<Look> {
  const installed = Object.entries(packages).flatMap(([key, { version, origin }]) =>
    origin.from === "registry" ? [{ ...nameOf(key), version, registry: origin.registry }] : [],
  );
  const asked = [...Map.groupBy(installed, ({ registry }) => registry)].map(async ([registry, releases]): Promise<Look> => {
    try {
      const list = await registries.revocations(registry, signal);
      const revoked = releases.flatMap((release) => {
        const found = revocationOf(list, release);
        return found ? [{ ...release, reason: found.reason, lastGood: found.lastGood ?? null }] : [];
      });
      return { revoked, unanswered: [] };
    } catch (why) {
      return { revoked: [], unanswered: [{ registry, why }] };
    }
  });
  const looks = await Promise.all(asked);
  return { revoked: looks.flatMap(({ revoked }) => revoked), unanswered: looks.flatMap(({ unanswered }) => unanswered) };
}

export const revokedKey = (revoked: Revoked): string => `revoked:${keyOf(revoked)}`;
