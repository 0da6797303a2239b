/** A registry of npm on loopback, as npm's documentation has it: documents of packages, and their archives, also in parts. Tests disturb what it answers. */
import { type Exchange, serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { pack } from "../../plugin-kit/archive.ts";

export interface NpmVersion {
  readonly name: string;
  readonly version: string;
  /** Below `package/`; `package.json` is made when it is not among them. */
  readonly files?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  readonly deprecated?: string;
  /** More of `package.json`. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

export interface NpmRegistryServer extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string;
  readonly asked: readonly Exchange[];
  publish(version: NpmVersion): { readonly archive: Uint8Array; readonly integrity: string };
  /** Answers instead, until it says that it does not. */
  disturb(answer: (exchange: Exchange, archive: Uint8Array | undefined) => Promise<boolean> | boolean): void;
}

interface Published {
  readonly archive: Uint8Array;
  readonly document: Readonly<Record<string, unknown>>;
}

export function serveNpm(): NpmRegistryServer {
  const packages = new Map<string, { readonly versions: Map<string, Published>; readonly tags: Map<string, string> }>();
  const asked: Exchange[] = [];
  let disturbed: Parameters<NpmRegistryServer["disturb"]>[0] | undefined;

  const server = serveHttp(async (exchange) => {
    asked.push(exchange);
    const path = decodeURIComponent(exchange.path);
    const [, name = "", file] = /^\/npm\/((?:@[^/]+\/)?[^/]+)(?:\/-\/(.+))?$/.exec(path) ?? [];
    const found = packages.get(name);
    const archive = file && [...(found?.versions.values() ?? [])].find(({ document }) => tarball(document).endsWith(file))?.archive;
    if (await disturbed?.(exchange, archive || undefined)) return;
    if (!found || (file && !archive)) return exchange.send(404, JSON.stringify({ error: "Not found" }));
    if (archive) return sendPart(exchange, archive);
    const versions = Object.fromEntries([...found.versions].map(([version, { document }]) => [version, document]));
    exchange.send(200, JSON.stringify({ name, "dist-tags": Object.fromEntries(found.tags), versions }));
  });
  const url = `${server.origin}/npm/`;

  return {
    url,
    asked,
    publish({ name, version, files = {}, tags = ["latest"], deprecated, manifest = {} }) {
      const own = JSON.stringify({ name, version, ...manifest });
      const archive = pack(
        Object.entries({ "package.json": own, ...files }).map(([path, text]) => ({ path: `package/${path}`, bytes: Buffer.from(text) })),
      );
      const integrity = `sha512-${new Bun.CryptoHasher("sha512").update(archive).digest("base64")}`;
      const at = `${url}${name}/-/${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
      const dist = { tarball: at, integrity, shasum: new Bun.CryptoHasher("sha1").update(archive).digest("hex") };
      const document = { name, version, ...manifest, ...(deprecated !== undefined && { deprecated }), dist };
      const all = packages.get(name) ?? { versions: new Map(), tags: new Map() };
      all.versions.set(version, { archive, document });
      for (const tag of tags) all.tags.set(tag, version);
      packages.set(name, all);
      return { archive, integrity };
    },
    disturb(answer) {
      disturbed = answer;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const tarball = (document: Published["document"]): string => (document["dist"] as { readonly tarball: string }).tarball;

/** From the byte that was asked for. */
async function sendPart(exchange: Exchange, bytes: Uint8Array): Promise<void> {
  const from = Number(/bytes=(\d+)-/.exec(exchange.headers.get("range") ?? "")?.[1] ?? 0);
  exchange.begin(from > 0 ? 206 : 200, from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {});
  await exchange.write(bytes.subarray(from));
  exchange.end();
}
