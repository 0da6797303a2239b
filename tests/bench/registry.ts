/** What it takes to believe a registry of 10,000 packages: the first time, when nothing is new, and when somebody else has published. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CatalogueEntry, catalogueFile, readCatalogue } from "../../registry/catalogue.ts";
import { createRegistryClient } from "../../registry/client/client.ts";
import { createTrustState } from "../../registry/client/state.ts";
import { createLookalikes } from "../../registry/lookalike.ts";
import { archiveOf, folderOf, type PackageName } from "../../registry/name.ts";
import { createRepository, keysOf, rolesOf } from "../../registry/repository/create.ts";
import { repositoryFiles } from "../../registry/repository/files.ts";
import { lives, stamp, unsigned } from "../../registry/repository/lifetime.ts";
import { folderSource, type RegistrySource } from "../../registry/source.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { signMetadata, type TargetFile } from "../../registry/trust/metadata.ts";
import { isInPattern } from "../../registry/trust/pattern.ts";
import { namesPatterns, namesRole, prefixes, publisherRole } from "../../registry/trust/role.ts";
import type { Figure } from "./figures.ts";
import type { Part } from "./part.ts";

const packages = 10_000;
const publishers = 2_500;
const releases = 5;
const now = () => Date.now();

export const registry: Part = async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-registry-"));
  try {
    const online = createSigner().signer;
    const { root, publish, names } = fill(join(folder, "registry"), online);
    let read = 0;
    const files = folderSource(join(folder, "registry"));
    const source: RegistrySource = {
      name: "bench",
      async *read(path, options) {
        for await (const part of files.read(path, options)) {
          read += part.length;
          yield part;
        }
      },
    };
    const state = createTrustState(join(folder, "state"));
    const open = () => createRegistryClient({ source, state, root, now });
    const wanted = names[4_711]!;
    const figures: Figure[] = [];
    const measure = async (what: string, run: () => Promise<unknown>) => {
      read = 0;
      const began = performance.now();
      await run();
      const part = `a registry of ${packages.toLocaleString("en-US")} packages`;
      figures.push(
        { part, what, value: performance.now() - began, unit: "ms" },
        { part, what: `  read for that`, value: read / 1024, unit: "KB" },
      );
    };
    await measure("one package, for the first time", () => open().find(wanted));
    await measure("one package, nothing is new", () => open().find(wanted));
    publish(names[42]!);
    await measure("one package, another has a new release", () => open().find(wanted));
    const client = open();
    await measure("all packages of all publishers", async () => {
      for (const name of names) await client.find(name);
    });
    figures.push(...(await catalogueFigures()));
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const entries = 50_000;

/** Whoever searches without a server: the rows read from their file, and looked through. */
async function catalogueFigures(): Promise<readonly Figure[]> {
  const part = `a catalogue of ${entries.toLocaleString("en-US")} entries`;
  const figures: Figure[] = [];
  const measure = <T>(what: string, run: () => T): T => {
    const began = performance.now();
    const made = run();
    figures.push({ part, what, value: performance.now() - began, unit: "ms" });
    return made;
  };
  const kinds = ["channel", "provider", "tools", "notes"];
  const things = ["weather", "radio", "images", "orders", "letters", "rivers", "stars", "recipes", "trains", "birds", "coins"];
  const rows = Array.from({ length: entries }, (_row, index): CatalogueEntry => {
    const word = (by: number) => things[(index * by) % things.length]!;
    const id = `${kinds[index % kinds.length]}-${word(7)}-${Bun.hash(String(index)).toString(36).slice(0, 6)}`.replace(/-(\d)/g, "-x$1");
    return {
      kind: "plugins",
      id,
      publisher: `person-${index % publishers}`,
      version: "1.0.0",
      summary: `${word(3)} and ${word(5)} for your agent`,
    };
  });
  const file = catalogueFile(rows);
  figures.push({ part, what: "  its file", value: file.length / 1024, unit: "KB" });
  const read = measure("read and checked", () => readCatalogue(file, "catalogue"));
  measure("every row looked at for two words", () =>
    read.filter(({ id, summary }) => /radio/i.test(`${id} ${summary}`) && /bird/i.test(id)),
  );
  const names = measure("made ready for lookalikes", () => createLookalikes(read));
  measure("whether a name is like another", () => names.find({ id: "channel-wether" }));
  return figures;
}

/** As the server would have it after years, written in one step. */
function fill(folder: string, online: Signer) {
  const founders = { root: [online], rootThreshold: 1, targets: [online], targetsThreshold: 1, online, revocations: [] };
  const root = createRepository(folder, { founders, parts: 256, now });
  const files = repositoryFiles(folder);
  const names = Array.from({ length: packages }, (_name, index): PackageName => ({ kind: "plugins", id: `package-${index}` }));
  const people = Array.from({ length: publishers }, (_person, index) => ({ name: `person-${index}`, signer: createSigner().signer }));
  const owner = (index: number) => people[index % publishers]!;
  const target = (index: number): TargetFile => {
    const custom = { summary: "One of very many packages", publishedAt: "2031-05-04T10:00:00Z", manifest: "0".repeat(64), sdk: "^0.1.0" };
    return { length: 10_000 + index, hashes: { sha256: index.toString(16).padStart(64, "0") }, custom };
  };
  const listOf = (person: number, version: number, count: number) => {
    const own = names.flatMap((name, index) => (index % publishers === person ? [name] : []));
    const targets = own.flatMap((name) =>
      Array.from({ length: count }, (_release, minor) => [archiveOf({ ...name, version: `1.${minor}.0` }), target(minor)] as const),
    );
    return signMetadata({ ...unsigned("targets", version, lives.publisher, now), targets: Object.fromEntries(targets) }, [
      people[person]!.signer,
    ]);
  };
  const changed = new Map<string, Uint8Array>();
  for (const [person, { name }] of people.entries()) changed.set(publisherRole(name), listOf(person, 1, releases));
  for (const prefix of prefixes(256)) {
    const own = names.flatMap((name, index) =>
      namesPatterns(prefix).some((pattern) => isInPattern(pattern, `${folderOf(name)}/any`))
        ? [{ name, signer: owner(index).signer, publisher: owner(index).name }]
        : [],
    );
    const roles = Map.groupBy(own, ({ publisher }) => publisher);
    const delegations = {
      keys: keysOf(own.map(({ signer }) => signer)),
      roles: [...roles].map(([publisher, packages]) => ({
        name: publisherRole(publisher),
        ...rolesOf([packages[0]!.signer], 1),
        terminating: true as const,
        paths: packages.map(({ name }) => `${folderOf(name)}/*`),
      })),
    };
    changed.set(namesRole(prefix), signMetadata({ ...unsigned("targets", 2, lives.names, now), targets: {}, delegations }, [online]));
  }
  stamp(files, { online, now, changed });
  const publish = (name: PackageName) => {
    const person = names.indexOf(name) % publishers;
    stamp(files, { online, now, changed: new Map([[publisherRole(people[person]!.name), listOf(person, 2, releases + 1)]]) });
  };
  return { root, names, publish };
}
