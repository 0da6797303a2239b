import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import catalogue from "../../plugins/models/catalogue.json" with { type: "json" };
import hearing from "../../plugins/models/transcription-prices.json" with { type: "json" };

const root = join(import.meta.dir, "..", "..");
const documents = [
  "README.md",
  ...["docs", "docs/plugins"].flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((name) => (name.endsWith(".md") ? [`${folder}/${name}`] : [])),
  ),
  ...readdirSync(join(root, "plugins")).flatMap((id) => {
    const path = `plugins/${id}/README.md`;
    return existsSync(join(root, path)) ? [path] : [];
  }),
];

/** Vendors whose models the catalogue is there for. At Amazon names differ by region and account. */
const VENDORS = [...new Set(catalogue.models.map(({ ref }) => ref.slice(0, ref.indexOf("/"))))].filter((vendor) => vendor !== "bedrock");
/** Not a pattern (`vendor/model*`), and no path. */
const NAME = new RegExp(`(?<![\\w./@-])(?:${VENDORS.join("|")})/[a-z][a-z0-9.:-]*[a-z0-9](?![\\w/*-])`, "g");
const byRef = new Map([...catalogue.models, ...hearing.models].map((model) => [model.ref, model]));

/** With the example or paragraph that it stands in. */
const named = documents.flatMap((path) =>
  readFileSync(join(root, path), "utf8")
    .split(/^```.*\n|\n\n+/m)
    .flatMap((part) => [...part.matchAll(NAME)].map(([ref]) => ({ ref, part, where: `${path}: ${ref}` }))),
);

test("every model of a vendor that the documents name is in the catalogue", () => {
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ ref }) => !byRef.has(ref)).map(({ where }) => where)).toEqual([]);
});

test("a model beside which a price or a ceiling stands has a price", () => {
  const money = /\$ ?\d|\busd|usdPer|ceiling|dollars/i;
  const unpriced = named.filter(({ ref, part }) => money.test(part) && byRef.get(ref)?.price === null);
  expect(unpriced.map(({ where }) => where)).toEqual([]);
});
