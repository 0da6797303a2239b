/** Where packages are had, by what the operator configured. */

import { httpReader } from "@pincer/registry/http-source";
import type { ClientConfig } from "./config.ts";
import type { Sources } from "./engine/sources.ts";
import { archivePackages } from "./sources/archive.ts";
import { clawHubPackages } from "./sources/clawhub.ts";
import { createClawHubSite } from "./sources/clawhub-site.ts";
import { folderPackages } from "./sources/folder.ts";
import { gitPackages } from "./sources/git.ts";
import { npmPackages } from "./sources/npm.ts";
import { npmRegistry } from "./sources/npm-registry.ts";
import { npmSettings } from "./sources/npm-settings.ts";
import { createRegistrySources, type RegistriesOptions } from "./sources/registry.ts";

interface Places extends Omit<RegistriesOptions, "registries"> {
  readonly config: ClientConfig;
}

export function sourcesOf({ config, ...options }: Places): Sources {
  // Whoever installs names these addresses himself, also of machines of his own; what they may be their sources say.
  const anywhere = { ...options, fetch: (url: string, init: RequestInit) => fetch(url, init) };
  return {
    registries: createRegistrySources({ ...options, registries: config.registries }),
    others: {
      clawhub: clawHubPackages(config.clawhub.map((site) => createClawHubSite(site, httpReader(options)))),
      folder: folderPackages,
      git: gitPackages,
      archive: archivePackages(httpReader(anywhere)),
      npm: npmPackages(npmRegistry(npmSettings(), anywhere)),
    },
  };
}
