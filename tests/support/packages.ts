/** Plugins that a registry could have, written by tests, and the registry that has them. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Permissions } from "@pincer/plugin-sdk/manifest";
import type { ReleaseNotes } from "@pincer/registry/notes";
import { timeOf } from "@pincer/registry/schema";
import { startHouse } from "@pincer/registry/testing/house";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import { writePlugin } from "../fixtures/plugin-host.ts";

const hourMs = 3_600_000;

export interface Made {
  readonly id: string;
  readonly version: string;
  /** In which it was written. */
  readonly folder: string;
  readonly archive: Uint8Array;
  /** SHA-256 of its `plugin.json`. */
  readonly manifest: string;
}

export interface Weather {
  readonly id?: string;
  readonly permissions?: Permissions;
  /** What the model reads of its tool. */
  readonly summary?: string;
  /** Of its tool, in place of one that is called `place`. */
  readonly parameters?: string;
  /** In place of its `setup`. */
  readonly setup?: string;
  /** Before `export default`. */
  readonly before?: string;
  /** What it uses. */
  readonly uses?: string;
}

/** A plugin that says its version when it is called, and has a tool. */
export async function makeWeather(folder: string, version: string, weather: Weather = {}): Promise<Made> {
  const { id = "weather", permissions, summary = "Says how the weather is", setup = "", before = "", uses = "{}" } = weather;
  const { parameters = `Type.Object({ place: Type.String({ description: "Where" }) })` } = weather;
  const source = `
    import { definePlugin } from "@pincer/plugin-sdk";
    import { defineMethod } from "@pincer/plugin-sdk/method";
    import { tool } from "@pincer/plugin-sdk/contracts/tool";
    import { Type } from "@sinclair/typebox";
    ${before}
    const said = defineMethod({
      name: "${id}.said", summary: "Its version", scope: "operator.read", params: Type.Object({}), result: Type.Object({ version: Type.String() }),
    });
    export default definePlugin({
      uses: ${uses},
      setup(ctx) {
        ctx.method(said, () => ({ version: "${version}" }));
        ctx.provide(tool, "${id}", {
          summary: ${JSON.stringify(summary)},
          parameters: ${parameters},
          access: "read",
        }, { async *run() { return { outcome: "ok", content: [{ type: "text", text: "fine" }] }; } });
        ${setup}
      },
    });
  `;
  const root = mkdtempSync(join(folder, "made-"));
  symlinkSync(join(dirname(dirname(import.meta.dir)), "node_modules"), join(root, "node_modules"));
  const written = await writePlugin(root, id, source, { version, summary: "The weather, anywhere.", ...(permissions && { permissions }) });
  return {
    ...{ id, version, folder: written, archive: pack(filesOf(written)) },
    manifest: createHash("sha256")
      .update(readFileSync(join(written, "plugin.json")))
      .digest("hex"),
  };
}

/** A registry of static files whose clock is the machine's, and a folder in which plugins for it are made. */
export function startShop() {
  const house = startHouse();
  house.clock.now = Date.now();
  const folder = mkdtempSync(join(tmpdir(), "pincer-shop-"));
  const rootFile = join(folder, "root.json");
  Bun.write(rootFile, house.root);
  const notesOf = ({ manifest }: Made, ageHours: number): Partial<ReleaseNotes> => ({
    manifest,
    summary: "The weather, anywhere.",
    publishedAt: timeOf(Date.now() - ageHours * hourMs),
  });
  return {
    house,
    folder,
    /** As it stands in the configuration. */
    registry: { name: "home", address: house.folder, root: rootFile },
    make: (version: string, weather?: Weather) => makeWeather(folder, version, weather),
    publish(made: Made, { ageHours = 48, ...more }: { readonly ageHours?: number } & Partial<ReleaseNotes> = {}) {
      house.publish(made.version, made.archive, { kind: "plugins", id: made.id }, { ...notesOf(made, ageHours), ...more });
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
      house[Symbol.dispose]();
    },
  };
}

export type Shop = ReturnType<typeof startShop>;
