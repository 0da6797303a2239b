/** The machine of the page about a first installation. `bun tests/docs/first-install.ts` writes the page anew, as it is today. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesOf } from "../../plugin-kit/archive.ts";
import { nameContents } from "../../plugin-kit/own-copy.ts";
import { startFakeTelegram } from "../channels/fakes/telegram/server.ts";
import { type NpmRegistryServer, serveNpm } from "../support/npm-registry.ts";
import { makeWeather } from "../support/packages.ts";
import { publishPincer } from "../support/published.ts";
import { typed } from "../support/typist.ts";

const repository = dirname(dirname(import.meta.dir));
export const pageFile = join(repository, "docs", "registry", "first-install.md");

/** What Telegram's plugin needs, as this clone has it, in a registry of npm on loopback; the lock gets the checksums of those archives. */
function serveNeedsOf(plugin: string, unpacked: string): NpmRegistryServer {
  const npm = serveNpm();
  const file = join(unpacked, "plugins", plugin, "bun.lock");
  const lock = readFileSync(file, "utf8").replace(
    /^( *"([^"]+)": \["[^"]+?)@([^"@]+)(", "", \{.*\}, ")sha512-[^"]+("\],?)$/gm,
    (_whole, head: string, name: string, version: string, middle: string, tail: string) => {
      const folder = join(repository, "plugins", plugin, "node_modules", name);
      const files = Object.fromEntries(filesOf(folder).map(({ path, bytes }) => [path, Buffer.from(bytes).toString("utf8")]));
      return `${head}@${version}${middle}${npm.publish({ name, version, files }).integrity}${tail}`;
    },
  );
  writeFileSync(file, lock);
  nameContents(unpacked);
  return npm;
}

/** The page with what comes today of what it says to type. */
export async function typedAgain(page: string): Promise<string> {
  using published = await publishPincer();
  await using user = published.user("ada");
  await using npm = serveNeedsOf("channel-telegram", published.root);
  await using telegram = startFakeTelegram();
  cpSync(published.archive, join(user.folder, "pincer-0.1.0.tgz"));
  for (const [version, hosts] of [
    ["1.0.0", ["api.weather.example:443"]],
    ["1.1.0", ["api.weather.example:443", "tiles.weather.example:443"]],
  ] as const) {
    const { folder } = await makeWeather(published.folder, version, { permissions: { net: [...hosts] } });
    cpSync(folder, join(user.folder, `weather-${version}`), { recursive: true });
  }
  // The package that is used is the one whose locks lead here; the one that the page unpacks says the same of itself.
  const bin = join(user.folder, "pincer");
  const env = {
    ...user.env,
    PATH: `${bin}:${user.env["PATH"]}:/usr/bin:/bin`,
    BUN_CONFIG_REGISTRY: npm.url,
  };
  const standsFor = new Map([
    [/^tar .*$/, `cp -R ${published.root} .`],
    [/http:\/\/127\.0\.0\.1:\d+/, telegram.url],
  ]);
  try {
    return await typed(page, { folder: user.folder, env, standsFor, hidden: telegram.token });
  } finally {
    if (readdirSync(user.folder).includes("pincer")) await user.pincer(bin, ["stop", "--force"]);
  }
}

if (import.meta.main) writeFileSync(pageFile, await typedAgain(readFileSync(pageFile, "utf8")));
