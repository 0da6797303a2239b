import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCliHome } from "../support/cli.ts";
import { startOllamaVendor } from "../vendors/ollama/server.ts";

interface Models {
  readonly models: readonly { readonly id: string; readonly provider: string; readonly available: boolean }[];
}

/** A proxy as Bun asks one for what is no TLS: with the whole address. It has been everywhere, and answers by itself. */
function startProxy() {
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url }) {
      asked.push(url);
      return url.startsWith("http://models.example.com/")
        ? Response.json({ data: [{ id: "far-away" }] })
        : new Response("no", { status: 502 });
    },
  });
  return { asked, url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("with a proxy in the environment the gateway, its page and a model of this machine are reached directly, others by the proxy", async () => {
  await using proxy = startProxy();
  await using ollama = startOllamaVendor({ models: { "near:latest": {} } });
  const environments: readonly Readonly<Record<string, string>>[] = [
    { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url },
    { http_proxy: proxy.url, no_proxy: "elsewhere.example" },
  ];
  for (const variables of environments) {
    proxy.asked.length = 0;
    await using home = createCliHome({ OLLAMA_HOST: ollama.origin, ...variables });
    const lab = { baseUrl: "http://models.example.com/v1" };
    const plugins = { "provider-openai": { enabled: true, config: { endpoints: { lab } } }, "provider-ollama": { enabled: true } };
    mkdirSync(home.path, { mode: 0o700 });
    writeFileSync(join(home.path, "pincer.json5"), JSON.stringify({ gateway: { port: 0 }, plugins }));
    expect((await home.pincer(["up"])).code).toBe(0);
    const listed = async (provider: string) => (await home.json<Models>(["call", "models.list", `{ provider: "${provider}" }`])).models;
    expect(await listed("ollama")).toMatchObject([{ id: "near", available: true }]);
    expect(await listed("lab")).toMatchObject([{ id: "far-away" }]);
    expect(new Set(proxy.asked)).toEqual(new Set(["http://models.example.com/v1/models"]));
  }
}, 120_000);
