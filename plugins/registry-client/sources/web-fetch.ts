/** How everything is fetched that packages come from: what somebody has named, as he named it, and what a server leads to, as far as that one may lead. */
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { publicFetch } from "@pincer/plugin-sdk/runtime/fetch";
import type { PublicFetch } from "@pincer/plugin-sdk/runtime/public-fetch";
import { RegistryError } from "@pincer/registry/error";
import type { HttpFetch, HttpReaderOptions } from "@pincer/registry/http-source";
import { isOwnNetwork } from "./web-address.ts";

/** A server on the internet leads to the internet alone, whatever the name; one of the operator's own network leads wherever it likes. */
export const ledFetch =
  (fetch: HttpFetch, publicly: PublicFetch): NonNullable<HttpReaderOptions["fetchLed"]> =>
  async (url, init, from) => {
    if (isOwnNetwork(from)) return fetch(url.href, init);
    try {
      return await publicly(url, init as BunFetchRequestInit);
    } catch (error) {
      if (!hasCode(error, "PLUGIN_PERMISSION")) throw error;
      throw new RegistryError(
        "REGISTRY_UNREACHABLE",
        `${from.origin} leads to ${url.origin}, where it may not lead: ${errorMessage(error)}`,
      );
    }
  };

/** Whoever installs names these addresses himself, also of machines of his own; what they may be their sources say. */
export const fetchNamed: HttpFetch = (url, init) => fetch(url, init);

export const fetchLed = ledFetch(fetchNamed, publicFetch);
