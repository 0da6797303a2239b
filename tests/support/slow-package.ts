import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serveNpm } from "./npm-registry.ts";
import { startShop } from "./packages.ts";

/** A plugin that needs a package which does not come before `release`. */
export async function startSlow() {
  const npm = serveNpm();
  const shop = startShop();
  const { folder } = await shop.make("1.0.0");
  const { integrity } = npm.publish({ name: "rain", version: "1.0.0" });
  const dependencies = { rain: "1.0.0" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "weather", version: "1.0.0", type: "module", dependencies }));
  const packages = { rain: ["rain@1.0.0", "", {}, integrity] };
  writeFileSync(
    join(folder, "bun.lock"),
    JSON.stringify({ lockfileVersion: 1, workspaces: { "": { name: "weather", dependencies } }, packages }),
  );
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  npm.disturb(async () => {
    asked.resolve();
    await released.promise;
    return false;
  });
  return {
    folder,
    npm,
    shop,
    asked: asked.promise,
    release: () => released.resolve(),
    async [Symbol.asyncDispose]() {
      released.resolve();
      await npm[Symbol.asyncDispose]();
      shop[Symbol.dispose]();
    },
  };
}
