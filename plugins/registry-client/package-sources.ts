/** Where packages, and what they need, are had, by what the operator configured. */

import { httpReader } from "@pincer/registry/http-source";
import type { ClientConfig } from "./config.ts";
import { createDependencies, type Dependencies } from "./dependencies/dependencies.ts";
import { archivePackages } from "./sources/archive.ts";
import { clawHubPackages } from "./sources/clawhub.ts";
import { type ClawHubSite, createClawHubSite } from "./sources/clawhub-site.ts";
import { folderPackages } from "./sources/folder.ts";
import { createGitPackages } from "./sources/git.ts";
import { npmPackages } from "./sources/npm.ts";
import { npmRegistry } from "./sources/npm-registry.ts";
import { npmSettings } from "./sources/npm-settings.ts";
import { createRegistrySources, isNear, placeOf, type RegistriesOptions } from "./sources/registry.ts";
import type { Sources } from "./sources/sources.ts";
import { uploadedPackages } from "./sources/upload.ts";
import { fetchLed, fetchNamed } from "./sources/web-fetch.ts";
import { uploadsIn } from "./uploads.ts";

interface Places extends Omit<RegistriesOptions, "registries" | "fetchLed"> {
  readonly config: ClientConfig;
}

export const sitesOf = ({ config, ...options }: Places): readonly ClawHubSite[] =>
  config.clawhub.map((site) => createClawHubSite(site, httpReader({ ...options, fetchLed })));

export function placesOf({ config, ...given }: Places): {
  readonly sources: Sources;
  readonly dependencies: Dependencies;
} {
  const options = { ...given, fetchLed };
  const anywhere = { ...options, fetch: fetchNamed };
  const npm = npmRegistry(npmSettings(), anywhere);
  const mirrors = (near: boolean) =>
    config.registries.filter((one) => isNear(one) === near).map(({ address }) => placeOf(address, options));
  return {
    sources: {
      registries: createRegistrySources({ ...options, registries: config.registries }),
      others: {
        clawhub: clawHubPackages(sitesOf({ config, ...given })),
        folder: folderPackages,
        git: createGitPackages(anywhere),
        archive: archivePackages(httpReader(anywhere)),
        npm: npmPackages(npm),
        upload: uploadedPackages(uploadsIn(options.home, options.clock)),
      },
    },
    // What lies on this machine costs nothing to ask; of registries elsewhere most hold no dependencies.
    dependencies: createDependencies({
      ...{ home: options.home, now: () => options.clock.now(), npm },
      ...{ mirrors: mirrors(true), lateMirrors: mirrors(false) },
    }),
  };
}
