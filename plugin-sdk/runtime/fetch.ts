/** `ctx.fetch`: checked by name. In the gateway's process nothing but the plugin's own good will keeps it to that; a confined one has no other way. */
import type { Permissions } from "../manifest.ts";
import { hostPort, hostsOf, reaches } from "../permissions.ts";
import { pluginErrors } from "../plugin-errors.ts";

const longestChain = 10;

/** `fetch` within `permissions.net`, on every redirect too. A redirect that asks for the body again is the caller's to follow. */
export function limitedFetch(
  plugin: string,
  permissions: Permissions,
  config: () => unknown,
  secret: (name: string) => Promise<string | undefined>,
): typeof fetch {
  // Secrets last: each is asked for.
  const entries = (permissions.net ?? []).toSorted((a, b) => Number(a.startsWith("secret:")) - Number(b.startsWith("secret:")));
  const admit = async (url: URL) => {
    for (const entry of entries) if ((await hostsOf(entry, config(), secret)).some((host) => reaches(host, url))) return;
    const host = hostPort(url);
    const has = JSON.stringify(permissions.net ?? []);
    throw pluginErrors.PLUGIN_PERMISSION(`${plugin} may not reach ${host}: permissions.net of its manifest is ${has}`, {
      data: { plugin, host },
    });
  };
  const limited = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const first = input instanceof Request ? input : undefined;
    let url = new URL(first?.url ?? String(input));
    await admit(url);
    if ((init.redirect ?? first?.redirect ?? "follow") !== "follow") return fetch(input, init);
    let method = (init.method ?? first?.method ?? "GET").toUpperCase();
    const headers = new Headers(init.headers ?? first?.headers);
    let response = await fetch(input, { ...init, redirect: "manual" });
    for (let hop = 0; hop < longestChain; hop++) {
      const location = response.headers.get("location");
      const asksAgain = response.status > 303 && method !== "GET" && method !== "HEAD";
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null || asksAgain) break;
      const next = new URL(location, url);
      await admit(next);
      if (next.origin !== url.origin) for (const name of ["authorization", "cookie", "x-api-key"]) headers.delete(name);
      for (const name of ["content-type", "content-length"]) headers.delete(name);
      if (method !== "HEAD") method = "GET";
      url = next;
      response = await fetch(url, {
        ...init,
        method,
        headers,
        body: null,
        signal: init.signal ?? first?.signal ?? null,
        redirect: "manual",
      });
    }
    return response;
  };
  return Object.assign(limited, { preconnect: fetch.preconnect });
}
