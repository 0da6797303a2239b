/** Takes what publishers send: who sends it, whether they may, and then all of it in one step, or nothing. */
import type { Database } from "bun:sqlite";
import type { ArchiveEntry } from "../archive/read.ts";
import { RegistryError } from "../error.ts";
import type { SourceClock } from "../http-source.ts";
import { archiveOf, type Kind, type PackageName, type Release, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import { unpackRelease } from "../release.ts";
import { type Claim, nameTaken } from "../repository/claim.ts";
import type { Repository } from "../repository/repository.ts";
import type { Finding } from "../scan/finding.ts";
import { timeOf } from "../schema.ts";
import { sha256Of } from "../sha256.ts";
import { isSameOwner, type Owner } from "../trust/owner.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { type Caller, type Callers, requireScope } from "./callers.ts";
import type { Names } from "./names.ts";
import type { Newcomers } from "./newcomers.ts";
import { type Publication, readPublication } from "./publication.ts";
import type { Quota } from "./quota.ts";
import type { Rates } from "./rates.ts";
import type { ServerSettings } from "./settings.ts";
import type { Shelf } from "./shelf.ts";
import type { Uploads } from "./uploads.ts";

const hourMs = 60 * 60 * 1000;

export interface Accepted {
  readonly publisher: string;
  /** Of the list. */
  readonly version: number;
  readonly released: readonly (Release & { readonly sha256: string; readonly findings: readonly Finding[] })[];
  /** Names that are the publisher's from now on. */
  readonly claimed: readonly PackageName[];
}

export interface PublishOptions {
  readonly database: Database;
  readonly repository: Repository;
  readonly settings: ServerSettings;
  readonly callers: Callers;
  readonly names: Names;
  readonly newcomers: Newcomers;
  readonly quota: Quota;
  readonly scan: (kind: Kind, files: readonly ArchiveEntry[]) => Promise<readonly Finding[]>;
  readonly shelf: Shelf;
  readonly clock: SourceClock;
  readonly rates: { readonly publications: Rates; readonly bytes: Rates; readonly claims: Rates };
  readonly uploads: Uploads;
  readonly bodies: Omit<BodyLimits, "bytes">;
}

export function createPublisher(options: PublishOptions): (request: Request, household: string) => Promise<Accepted> {
  const { database, repository, settings, callers, names, newcomers, quota, scan, shelf, clock, rates, uploads, bodies } = options;

  return async (request, household) => {
    rates.publications.take(household);
    const caller = callers.identify(request);
    if (caller.token) rates.publications.take(`token ${caller.token.id}`);
    return uploads.receive(household, async () => {
      const body = await readBody(request, { ...bodies, bytes: settings.publicationBytes }, clock);
      callers.requireBody(caller, body);
      const publication = await readPublication(body, request.headers.get("content-type") ?? "");
      const { claimed, owner } = judged(publication, caller);
      requireFree(claimed, publication.publisher, owner, household);
      const released = await lookAt(publication);
      return accept(publication, caller, released, household, body.length);
    });
  };

  /** Unpacks what came: nothing is kept that is not what it says, or that nobody could unpack. */
  async function lookAt({ list, archives }: Publication): Promise<Accepted["released"]> {
    const released: Accepted["released"][number][] = [];
    for (const [path, archive] of archives) {
      const target = list.signed.targets[path];
      if (!target) throw new RegistryError("REGISTRY_REQUEST_INVALID", `${path} came, and the list does not speak of it`);
      const { release, files } = await unpackRelease(path, archive, target.custom);
      const found = await scan(release.kind, files);
      const grave = found.find(({ severity }) => severity === "high");
      if (grave && settings.refuseFindings === "high")
        throw new RegistryError(
          "REGISTRY_FORBIDDEN",
          `${path} is refused here: ${grave.file}:${grave.line}: ${grave.sentence} (${grave.rule})`,
        );
      released.push({ ...release, sha256: sha256Of(archive), findings: found });
    }
    return released;
  }

  /** What is to be known of it but its files: nobody looks through what is refused anyway. Throws why it cannot be published now. */
  function judged({ publisher, list, keys }: Publication, caller: Caller) {
    const known = repository.publisher(publisher);
    const owner = known ?? newcomers.formerly(publisher) ?? keys;
    if (!owner) throw new RegistryError("REGISTRY_REQUEST_INVALID", `${publisher} is new here: the field keys is missing`);
    callers.requireSpeaker(caller, publisher, owner.keys);
    if (known && keys && !isSameOwner(known, keys))
      throw new RegistryError("REGISTRY_FORBIDDEN", `${publisher} signs with other keys here, which a publication does not change`);
    if (!known) newcomers.require(publisher, owner, list);
    const before = repository.signedBy(publisher)?.signed;
    const next = (before?.version ?? 0) + 1;
    if (list.signed.version !== next)
      throw new RegistryError("REGISTRY_LIST_CHANGED", `expected version ${next} of ${publisher}'s list, came ${list.signed.version}`);
    requireScopes(caller, before?.targets ?? {}, list.signed.targets);
    for (const [path, { custom }] of Object.entries(list.signed.targets))
      if (!before?.targets[path]) requireNow(path, readNotes(custom, path).publishedAt, clock.now());
    quota.require(publisher, before?.targets ?? {}, list.signed.targets);
    return { owner, next, claimed: freeNames(list.signed.targets, publisher) };
  }

  function requireFree(claimed: readonly PackageName[], publisher: string, owner: Owner, household: string): void {
    for (const name of claimed) {
      for (const who of [household, `publisher ${publisher}`]) rates.claims.take(who);
      try {
        names.requireFree(name, publisher, owner);
      } catch (error) {
        if (error instanceof RegistryError && error.code === "REGISTRY_NAME_HELD") names.hold(name, publisher, owner, error.message);
        throw error;
      }
    }
  }

  /** Without a pause in it, so that no other publication comes between; and no other process's either, since it holds the database. */
  function accept(publication: Publication, caller: Caller, released: Accepted["released"], household: string, size: number) {
    const { publisher, bytes, archives } = publication;
    const step = database.transaction((): Accepted => {
      // Again: others have published while its files were looked through.
      const { owner, next, claimed } = judged(publication, caller);
      callers.requirePublisher(caller, publisher, owner.keys);
      for (const name of claimed) names.requireFree(name, publisher, owner);
      rates.bytes.take(household, size);
      const claim: Claim | undefined = claimed.length === 0 ? undefined : { names: claimed, ...owner };
      repository.publish(publisher, bytes, archives, {
        ...(claim && { claim }),
        findings: new Map(released.map((release) => [archiveOf(release), release.findings])),
      });
      shelf.refresh();
      return { publisher, version: next, released, claimed };
    });
    return step.immediate();
  }

  function freeNames(targets: Publication["list"]["signed"]["targets"], publisher: string): readonly PackageName[] {
    const all = Object.keys(targets).map((path) => {
      const release = releaseAt(path);
      if (!release) throw new RegistryError("REGISTRY_METADATA_INVALID", `${path} is no place of a release`);
      return { kind: release.kind, id: release.id };
    });
    const each = [...new Map(all.map((name) => [`${name.kind}/${name.id}`, name])).values()];
    return each.filter((name) => {
      const owner = repository.ownerOf(name);
      if (owner !== undefined && owner !== publisher) throw nameTaken(name, owner, publisher);
      return owner === undefined;
    });
  }
}

/** Clients wait until a release has been out for a while, in which a stolen key is missed: nobody may say that it has been already. */
function requireNow(path: string, publishedAt: string, now: number): void {
  if (Math.abs(now - Date.parse(publishedAt)) <= hourMs) return;
  throw new RegistryError(
    "REGISTRY_METADATA_INVALID",
    `${path} says that it was signed at ${publishedAt}, and it is ${timeOf(now)}: sign it anew`,
  );
}

type Targets = Publication["list"]["signed"]["targets"];

/** A token that may publish cannot take back, and the other way round. */
function requireScopes(caller: Caller, before: Targets, after: Targets): void {
  for (const [path, target] of Object.entries(after)) {
    const old = before[path];
    if (!old) requireScope(caller, "publish");
    else if (JSON.stringify(old.custom) !== JSON.stringify(target.custom)) {
      const [was, is] = [readNotes(old.custom, path), readNotes(target.custom, path)];
      requireScope(caller, JSON.stringify(was.yanked) === JSON.stringify(is.yanked) ? "publish" : "yank");
    }
  }
}
