/** A registry that is changed in its folder, whether a server runs over it or not. */
import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RegistryError } from "../error.ts";
import { releaseAt } from "../name.ts";
import { applyStaged } from "../repository/apply.ts";
import { openRepository, type Repository } from "../repository/repository.ts";
import { signStaged } from "../repository/staged.ts";
import { openDatabase } from "../server/database.ts";
import { lockFolder } from "../server/folder-lock.ts";
import { operatorsNames } from "../server/names.ts";
import { createNewcomers } from "../server/newcomers.ts";
import { createOffers } from "../server/offers.ts";
import { rekeyed } from "../server/rekeying.ts";
import { folderSource } from "../source.ts";
import type { Signer } from "../trust/key.ts";
import { parseMetadata } from "../trust/metadata.ts";
import { publisherRole } from "../trust/role.ts";
import type { RegistryPlace } from "./place.ts";

export interface FolderPlaceOptions {
  /** The server's key. */
  readonly online: Signer;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

function within<Done>(folder: string, step: (database: Database) => Done): Done {
  using database = openDatabase(folder);
  return database.transaction(step).immediate(database);
}

const isServed = (folder: string): boolean => existsSync(join(folder, "server.db"));

/** Nobody else writes here meanwhile: neither a server that runs, nor another command. */
export function aloneIn<Done>(folder: string, step: () => Done): Done {
  if (isServed(folder)) return within(folder, step);
  using _lock = lockFolder(folder);
  return step();
}

/** Throws `REGISTRY_NOT_FOUND` where there is none. */
export function folderPlace(folder: string, { online, now }: FolderPlaceOptions): RegistryPlace {
  const offersIn = (database: Database, repository: Repository) =>
    createOffers(database, repository, createNewcomers(database, repository, now), now);
  const open = () => openRepository(folder, { online, now });

  return {
    name: folder,
    source: folderSource(folder),

    async publisher(publisher) {
      const repository = open();
      const [owner, list] = [repository.publisher(publisher), repository.signedBy(publisher)];
      return owner || list ? { owner, list, handedOver: repository.handedOver(publisher) } : undefined;
    },

    async owned(name) {
      const repository = open();
      const publisher = repository.ownerOf(name);
      if (publisher === undefined) return undefined;
      const offer = isServed(folder) ? within(folder, (database) => offersIn(database, repository).of(name)) : undefined;
      return { publisher, owner: repository.publisher(publisher)!, offer: offer?.statement };
    },

    async publish({ publisher, list, newcomer, archives, findings }) {
      return aloneIn(folder, () => {
        const repository = open();
        const version = (repository.signedBy(publisher)?.signed.version ?? 0) + 1;
        const { signed } = parseMetadata("targets", publisherRole(publisher), list);
        if (signed.version !== version)
          throw new RegistryError("REGISTRY_LIST_CHANGED", `expected version ${version} of ${publisher}'s list, came ${signed.version}`);
        const releases = Object.keys(signed.targets).map((path) => releaseAt(path)!);
        const names = new Map(releases.map(({ kind, id }) => [`${kind}/${id}`, { kind, id }]));
        const claimed = [...names.values()].filter((name) => repository.ownerOf(name) === undefined);
        const owner = repository.publisher(publisher) ?? newcomer;
        const claim = claimed.length > 0 && owner ? { names: claimed, ...owner } : undefined;
        repository.publish(publisher, list, archives, { ...(claim && { claim }), findings });
        return { released: [], claimed };
      });
    },

    async offer(name, statement) {
      within(folder, (database) => offersIn(database, open()).put(name, statement));
    },

    async take(name, { publisher, list, newcomer }) {
      within(folder, (database) => {
        const repository = open();
        offersIn(database, repository).take(name, publisher, (statement) => repository.transfer(statement, list, newcomer));
      });
    },

    async rekey(publisher, owner, list, statement) {
      const repository = open();
      if (!isServed(folder)) return aloneIn(folder, () => repository.rekey(publisher, owner, list, statement));
      using database = openDatabase(folder);
      rekeyed({ repository, names: operatorsNames(database, now) }, { publisher, owner, list, statement });
    },

    async apply(staged) {
      if (!existsSync(join(folder, "metadata", "timestamp.json")))
        throw new RegistryError("REGISTRY_NOT_FOUND", `there is no registry in ${folder}`);
      return aloneIn(folder, () => applyStaged(folder, signStaged(staged, [online]), { online, now }));
    },
  };
}
