/** Whether metadata is signed by whom it must be. */
import { Metadata as Model } from "@tufjs/models";
import { RegistryError } from "../error.ts";
import type { Metadata, MetadataKind, Signed } from "./metadata.ts";

/** What delegates: `root` to the roles of the top level, `targets` to the roles below. */
export type Delegator = Metadata<"root"> | Metadata<"targets">;

/** Throws `REGISTRY_METADATA_UNSIGNED` unless as many of the keys that the delegator names for the role have signed as it says. */
export function requireSigned(delegator: Delegator, role: string, metadata: Metadata): void {
  const [by, of] = [modelOf(delegator, "the registry"), modelOf(metadata, role)];
  try {
    by.verifyDelegate(role, of);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RegistryError("REGISTRY_METADATA_UNSIGNED", `${role}.json of the registry is not signed by whom it must be: ${why}`, {
      cause: error,
    });
  }
}

const models = new WeakMap<Metadata, Model<never>>();

/** As the library has it: made once, since a delegator verifies many. */
function modelOf(metadata: Metadata, role: string): Model<never> {
  const known = models.get(metadata);
  if (known) return known;
  const kind = (metadata.signed as Signed<MetadataKind>)._type;
  try {
    // The kinds are an enum of the library's, of which TypeScript does not see that these texts are its values.
    const model = Model.fromJSON(kind as never, structuredClone(metadata) as never) as Model<never>;
    models.set(metadata, model);
    return model;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RegistryError("REGISTRY_METADATA_INVALID", `${role}.json of the registry: ${why}`, { cause: error });
  }
}
