/** A registry in a folder of its own with one publisher, for tests: its keys, its clock, and a client that trusts its first root. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRegistryClient, type RegistryClient } from "../client/client.ts";
import { createTrustState } from "../client/state.ts";
import { archiveOf, type PackageName, type Release } from "../name.ts";
import type { ReleaseNotes } from "../notes.ts";
import { nextList } from "../publisher/next-list.ts";
import { createRepository, type Founders } from "../repository/create.ts";
import { openRepository, type Repository } from "../repository/repository.ts";
import { timeOf } from "../schema.ts";
import { folderSource, type RegistrySource } from "../source.ts";
import { createSigner, type Signer } from "../trust/key.ts";
import { type Signed, signMetadata } from "../trust/metadata.ts";

export const dayMs = 24 * 60 * 60 * 1000;
export const telegram: PackageName = { kind: "plugins", id: "channel-telegram" };

export interface House extends Disposable {
  readonly folder: string;
  readonly founders: Founders;
  readonly publisher: Signer;
  readonly repository: Repository;
  /** Epoch milliseconds. */
  readonly clock: { now: number };
  readonly root: Uint8Array;
  /** Publishes it as the publisher `ada`, whom the name is registered for when it is nobody's yet. */
  publish(version: string, archive: Uint8Array, name?: PackageName, notes?: Partial<ReleaseNotes>): void;
  /** Another client of the same registry, or the same one again when it is given that one's folder. */
  client(options?: { readonly source?: RegistrySource; readonly state?: string }): RegistryClient;
  temporary(): string;
}

export function startHouse(parts: 1 | 16 | 256 = 16): House {
  const folders: string[] = [];
  const temporary = () => {
    const made = mkdtempSync(join(tmpdir(), "pincer-registry-"));
    folders.push(made);
    return made;
  };
  const folder = temporary();
  const clock = { now: Date.parse("2031-05-04T10:00:00Z") };
  const now = () => clock.now;
  const signer = () => createSigner().signer;
  const founders: Founders = {
    root: [signer(), signer(), signer()],
    rootThreshold: 2,
    targets: [signer(), signer()],
    targetsThreshold: 2,
    online: signer(),
    revocations: [signer()],
  };
  const publisher = signer();
  const root = createRepository(folder, { founders, parts, now });
  const repository = openRepository(folder, { online: founders.online, now });
  return {
    folder,
    founders,
    publisher,
    repository,
    clock,
    root,
    temporary,
    publish(version, archive, name = telegram, notes = {}) {
      repository.claim(name, "ada", [publisher]);
      const release = { ...name, version };
      const list = listWith({ repository, clock }, release, archive, notes);
      repository.publish("ada", signMetadata(list, [publisher]), new Map([[archiveOf(release), archive]]));
    },
    client: ({ source = folderSource(folder), state = temporary() } = {}) =>
      createRegistryClient({ source, state: createTrustState(state), root, now }),
    [Symbol.dispose]() {
      for (const made of folders) rmSync(made, { recursive: true, force: true });
    },
  };
}

/** What `ada` would sign for one release more. */
export function listWith(
  { repository, clock }: Pick<House, "repository" | "clock">,
  release: Release,
  archive: Uint8Array,
  notes: Partial<ReleaseNotes> = {},
): Signed<"targets"> {
  const said: ReleaseNotes = {
    summary: "Talks on Telegram",
    publishedAt: timeOf(clock.now),
    manifest: "0".repeat(64),
    sdk: "^0.1.0",
    ...notes,
  };
  return nextList(repository.signedBy("ada")?.signed, { ...release, archive, notes: said }, () => clock.now);
}
