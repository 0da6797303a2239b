/** Where packages are had, by what the operator configured. */
import type { ClientConfig } from "./config.ts";
import type { Sources } from "./engine/sources.ts";
import { createRegistrySources, type RegistriesOptions } from "./sources/registry.ts";

interface Places extends Omit<RegistriesOptions, "registries"> {
  readonly config: ClientConfig;
}

export const sourcesOf = ({ config, ...options }: Places): Sources => ({
  registries: createRegistrySources({ ...options, registries: config.registries }),
  others: {},
});
