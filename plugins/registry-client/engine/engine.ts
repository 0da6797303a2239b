/** Installs, updates, removes and takes back: what is asked for becomes a plan, and a plan that somebody has said yes to is done. */
import { hasCode } from "@pincer/plugin-sdk/error";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { within } from "@pincer/plugin-sdk/signal";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { isName, type Kind, type PackageName } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import type { Candidate } from "../sources/source.ts";
import { resolved } from "../sources/sources.ts";
import { kindSaid, parseWanted } from "../sources/wanted.ts";
import { applyStep } from "./apply/apply.ts";
import { isBegun, recover } from "./apply/journal.ts";
import { makeReady } from "./apply/ready.ts";
import { keyOf, type LockEntry, nameOf, type Packages, readLock, withEntry, writeLock } from "./home/lock.ts";
import { supplementLock } from "./home/supplement.ts";
import { type TurnOptions, takeTurn } from "./home/turn.ts";
import { createEmbedded } from "./package/embedded.ts";
import { installedAbout } from "./package/installed.ts";
import { lookalikesOf } from "./package/lookalikes.ts";
import { saidByRegistry } from "./package/registry-said.ts";
import { enabling } from "./plan/enabling.ts";
import { known } from "./plan/naming.ts";
import { keptInstead } from "./plan/offline.ts";
import { placing } from "./plan/placing.ts";
import { type Outcome, type Plan, planOf, type Request } from "./plan/plan.ts";
import { keeping, type Prepared } from "./plan/prepared.ts";
import { disabling, forgetting, removing } from "./plan/removing.ts";
import { restoring } from "./plan/restoring.ts";
import { returning } from "./plan/returning.ts";
import { syncing } from "./plan/syncing.ts";
import { updating } from "./plan/updating.ts";
import { type Info, infoOf, infoOfItem, type Reasons, reasonsFor } from "./questions.ts";
import { revokedAsKnown, revokedNow } from "./revocation/revoked.ts";
import { type Searched, search } from "./search.ts";
import type { Surroundings } from "./surroundings.ts";

const ifInstalled = <T>(find: () => T): T | undefined => {
  try {
    return find();
  } catch (error) {
    if (hasCode(error, "REGISTRY_CLIENT_NOT_INSTALLED")) return undefined;
    throw error;
  }
};

export interface Consent {
  /** Of the plan that was shown. */
  readonly token: string;
  /** What was said yes to beyond the plan as a whole. */
  readonly accepted: readonly string[];
}

export type Engine = ReturnType<typeof createEngine>;

/** Of an installation, while others change what it builds on. */
const mostAttempts = 3;

/** Holds what was fetched for a plan until it is done, so that nothing is fetched twice. */
export function createEngine(surroundings: Surroundings) {
  const { home, clock } = surroundings;
  const embedded = createEmbedded(surroundings.embedded);
  const archives = new Map<string, Promise<readonly ArchiveEntry[]>>();

  /** Whatever comes is compared with the digest in its origin by its source. */
  const fetched = (candidate: Candidate, signal: AbortSignal): Promise<readonly ArchiveEntry[]> => {
    const key = JSON.stringify(candidate.origin);
    const known = archives.get(key);
    if (known) return known;
    surroundings.progress({ id: candidate.id, step: "fetching", detail: candidate.version });
    const files = candidate.files(signal);
    archives.set(key, files);
    files.catch(() => archives.delete(key));
    return files;
  };

  const reserve = (id: string): void => {
    if (embedded.has(id))
      throw clientErrors.REGISTRY_CLIENT_NAME_RESERVED(
        `${id} is a plugin of this Pincer, and comes from nowhere else: "pincer install ${id}"`,
      );
  };

  /** `kind`: of a bare name, where it was said. */
  async function installing(typed: string, kind: Kind | undefined, packages: Packages, signal: AbortSignal): Promise<Prepared> {
    const said = kindSaid(typed) ?? kind;
    const read = parseWanted(typed, said ?? "plugins", home);
    if (read.from === "registry" && read.kind === "plugins") {
      if (read.registry !== undefined) reserve(read.id);
      // What is installed already under that very name is meant before anything that only ends in it.
      const own = packages[keyOf(read)] ? embedded.find(read.id) : embedded.named(read.id);
      if (own && read.registry === undefined) {
        if (read.range !== undefined && read.range !== own.manifest.version)
          throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`${own.id} is a plugin of this Pincer, which has version ${own.manifest.version}`);
        return enabling(own, packages[keyOf({ kind: "plugins", id: own.id })]);
      }
    }
    if (read.from === "embedded") {
      const own = embedded.named(read.id);
      if (!own) throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`this Pincer has no plugin ${read.id}`);
      return enabling(own, packages[keyOf({ kind: "plugins", id: own.id })]);
    }
    const { registries } = surroundings.sources;
    const wanted = read.from === "registry" ? await known(read, said, { embedded, registries, packages }, signal) : read;
    const before = wanted.from === "registry" ? packages[keyOf(wanted)] : undefined;
    // Once from one registry, always from that one.
    const from =
      before?.origin.from === "registry" && wanted.from === "registry" ? { registry: before.origin.registry, ...wanted } : wanted;
    const candidate = await resolved(surroundings.sources, from, signal).catch((error) => {
      if (from.from !== "registry") throw error;
      return keptInstead(surroundings, from, before, error);
    });
    if (candidate.kind === "plugins") reserve(candidate.id);
    if (kind === "skills" && candidate.kind !== kind)
      throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`${typed} is the plugin ${candidate.id}, and no skill: "pincer install ${typed}"`);
    const present = packages[keyOf(candidate)];
    const others = await alsoIn(candidate, "registry" in from ? from.registry : undefined, signal);
    const older = present !== undefined && Bun.semver.order(present.version, candidate.version) > 0;
    const notices = [
      ...(present ? [] : await lookalikesOf(candidate, embedded.ids(), registries, signal)),
      ...(await saidByRegistry(candidate, present?.version, registries, signal)),
      ...others,
      ...(older ? [{ code: "older", level: "warning" as const, text: `it is older than ${present.version}, which is installed` }] : []),
    ];
    const action = !present ? "install" : Bun.deepEquals(candidate.origin, present.origin) ? "restore" : "update";
    return placing(surroundings, candidate, present, (each) => fetched(each, signal), { action, notices, signal });
  }

  /** Who else has that name: the first of the configuration is taken, and it is said. */
  async function alsoIn(candidate: Candidate, registry: string | undefined, signal: AbortSignal) {
    if (candidate.origin.from !== "registry" || registry !== undefined) return [];
    const { registry: taken } = candidate.origin;
    const found = await surroundings.sources.registries.find(candidate, undefined, signal);
    const others = found.filter((one) => one.registry !== taken).map((one) => `${one.registry} (${one.publisher.name})`);
    const text = `${others.join(", ")} has the name too; ${taken} is taken, since it comes first`;
    return others.length === 0 ? [] : [{ code: "several-registries", level: "warning" as const, text }];
  }

  /** Of what is in the lock, by its id, or by the last word of it. */
  function installed(typed: string, packages: Packages): readonly [name: PackageName, entry: LockEntry] {
    const key = typed.replace(/^(plugin|skill):/, "$1s/");
    const found = Object.keys(packages).filter((each) => each.split("/")[1] === typed || each === key);
    const all = found.length > 0 ? found : Object.keys(packages).filter((each) => each.endsWith(`-${typed}`));
    if (all.length > 1) throw clientErrors.REGISTRY_CLIENT_NAME_UNCLEAR(`"${typed}" could be ${all.join(" or ")}: say which`);
    const [only] = all;
    if (only === undefined) {
      const ids = Object.keys(packages).map((each) => nameOf(each).id);
      const near = suggestion(typed, ids) || ': "pincer list" shows what is';
      const why = embedded.find(typed) ? "is part of this Pincer, and was not installed beside it" : `is not installed${near}`;
      throw clientErrors.REGISTRY_CLIENT_NOT_INSTALLED(`${typed} ${why}`);
    }
    return [nameOf(only), packages[only]!];
  }

  async function taking(typed: string, packages: Packages, data: boolean, signal: AbortSignal): Promise<Prepared> {
    const own = Object.hasOwn(packages, `plugins/${typed}`) ? embedded.find(typed) : embedded.named(typed);
    if (own) {
      const on = await surroundings.running?.enabled(signal);
      if (!data && on && !on.includes(own.id) && !packages[`plugins/${own.id}`])
        throw clientErrors.REGISTRY_CLIENT_NOT_INSTALLED(`${own.id} is not on: "pincer list" shows what is installed`);
      return disabling(home, own, data);
    }
    const left = data && isName(typed) && !ifInstalled(() => installed(typed, packages)) && forgetting(home, typed);
    if (left) return left;
    const [name, entry] = installed(typed, packages);
    return removing(home, name, entry, data);
  }

  async function prepared(request: Request, signal: AbortSignal): Promise<readonly Prepared[]> {
    const packages = readLock(home);
    switch (request.do) {
      case "install":
        return Promise.all(request.packages.map((typed) => installing(typed, request.kind, packages, signal)));
      case "remove":
        return Promise.all(request.packages.map((typed) => taking(typed, packages, request.data ?? false, signal)));
      case "rollback":
        return Promise.all(request.packages.map((typed) => returning(surroundings, ...installed(typed, packages), signal)));
      case "restore":
        return restoring(surroundings, embedded, packages, request.mend ?? false, signal);
      case "sync":
        return syncing(surroundings, packages, request.lock, (each) => fetched(each, signal), signal);
      case "update":
        return Promise.all(
          toUpdate(request, packages).map(([name, entry]) =>
            entry.pinned && request.packages === undefined
              ? keeping(name, entry, [
                  { code: "pinned", level: "note", text: `it is pinned: "pincer pin --unpin ${name.id}" lets it go on` },
                ])
              : updating(surroundings, embedded, name, entry, (each) => fetched(each, signal), signal),
          ),
        );
    }
  }

  const recovered = (request: Request, signal: AbortSignal) =>
    recover(surroundings, request.do === "restore" && request.mend === true, signal);

  /** What was named, or all that is installed, or all of a kind. */
  const toUpdate = ({ packages: named, kind }: Extract<Request, { do: "update" }>, packages: Packages) =>
    named?.map((typed) => installed(typed, packages)) ??
    Object.entries(packages)
      .map(([key, entry]) => [nameOf(key), entry] as const)
      .filter(([name]) => kind === undefined || name.kind === kind);

  const planned = (all: readonly Prepared[]): Plan =>
    planOf(
      all.map(({ item }) => item),
      all.map(({ step }) => ("entry" in step ? step.entry : undefined)),
    );

  function requireConsent(all: readonly Prepared[], { token, accepted }: Consent): void {
    if (planned(all).token !== token)
      throw clientErrors.REGISTRY_CLIENT_PLAN_CHANGED("what would be done now is not what was shown: look at it again");
    const missing = all.flatMap(({ item }) => item.needs.filter((need) => !accepted.includes(need)).map((need) => ({ id: item.id, need })));
    if (missing.length > 0)
      throw clientErrors.REGISTRY_CLIENT_CONSENT_NEEDED(missing.map(({ id, need }) => `${id} needs a yes to ${need}`).join("; "), {
        data: { needs: missing },
      });
  }

  const turnOptions = (what: string, id: string, signal: AbortSignal): TurnOptions => ({
    ...{ clock, what, signal },
    onWait: (whom) => surroundings.progress({ id, step: "waiting", detail: whom }),
  });
  function turn(request: Request, signal: AbortSignal): Promise<Disposable> {
    const named = "packages" in request ? (request.packages ?? []) : [];
    return takeTurn(home, turnOptions([request.do, ...named].join(" "), named[0] ?? request.do, signal));
  }

  /** What was interrupted, before anything else is looked at. */
  async function bringToEnd(request: Request, signal: AbortSignal): Promise<void> {
    if (!isBegun(home)) return;
    using _turn = await turn(request, signal);
    await recovered(request, signal);
  }

  const fetching = <T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const { fetchMinutes } = surroundings.config;
    const why = `it was not fetched within ${fetchMinutes} min (plugins.registry-client.config.fetchMinutes)`;
    const late = () => new RegistryError("REGISTRY_UNREACHABLE", why);
    return within({ clock, ms: fetchMinutes * 60_000, late, signal }, run);
  };

  return {
    /** Throws what keeps it from being done at all. Changes nothing but what was interrupted, which it brings to an end first. */
    async plan(request: Request, signal: AbortSignal): Promise<Plan> {
      await bringToEnd(request, signal);
      return planned(await fetching(signal, (given) => prepared(request, given)));
    },

    /** Throws `REGISTRY_CLIENT_PLAN_CHANGED`, `REGISTRY_CLIENT_CONSENT_NEEDED`, `REGISTRY_CLIENT_ROLLED_BACK`; what was done before that stays. */
    async apply(request: Request, { token, accepted }: Consent, signal: AbortSignal): Promise<Outcome> {
      await bringToEnd(request, signal);
      for (let attempt = 0; attempt < mostAttempts; attempt++) {
        const packages = readLock(home);
        const all = await fetching(signal, (given) => prepared(request, given));
        requireConsent(all, { token, accepted });
        using ready = await fetching(signal, (given) =>
          makeReady(
            surroundings,
            all.map(({ step }) => step),
            given,
          ),
        );
        using _turn = await turn(request, signal);
        await recovered(request, signal);
        // Somebody else was faster: it may be something else now.
        if (!Bun.deepEquals(readLock(home), packages)) continue;
        const done: Outcome["done"] = [];
        for (const { item, step } of all) {
          await applyStep(surroundings, step, ready, signal);
          const version = item.to ?? item.from;
          done.push({ kind: item.kind, id: item.id, action: item.action, ...(version !== undefined && { version }) });
        }
        if (request.do !== "restore") await supplementLock(home, embedded);
        archives.clear();
        return { done };
      }
      throw clientErrors.REGISTRY_CLIENT_BUSY(`others install into ${home} again and again: try again when that is done`);
    },

    /** Stays as it is at `update`, or no longer. */
    async pin(typed: string, pinned: boolean, signal: AbortSignal): Promise<LockEntry & PackageName> {
      using _turn = await takeTurn(home, turnOptions(`pin ${typed}`, typed, signal));
      const packages = readLock(home);
      const [name, { pinned: _, ...entry }] = installed(typed, packages);
      const next: LockEntry = pinned ? { ...entry, pinned } : entry;
      writeLock(home, withEntry(packages, name, next));
      return { ...name, ...next };
    },

    packages: (): Packages => readLock(home),
    /** Why nobody should run what is installed, for people: a gateway that runs has marked it, and else it is as it was heard last. */
    revoked: (name: PackageName, entry: LockEntry): string | undefined =>
      surroundings.running ? revokedNow(home, name) : revokedAsKnown(home, surroundings.sources.registries, name, entry),
    /** Of a plugin that is installed, or of this Pincer. */
    manifestOf: (name: PackageName): Manifest | undefined => installedAbout(home, name)?.manifest ?? embedded.find(name.id)?.manifest,
    /** Whether it is a plugin of this Pincer. */
    isOwn: (id: string): boolean => embedded.has(id),

    /** Of what is installed, or would be. */
    async info(typed: string, kind: Kind | undefined, signal: AbortSignal): Promise<Info> {
      const packages = readLock(home);
      const found = ifInstalled(() => installed(typed, packages));
      if (found && found[1].origin.from !== "embedded") return infoOf(surroundings, ...found, signal);
      const { item, step } = await fetching(signal, (given) => installing(found?.[0].id ?? typed, kind, packages, given));
      const origin = step.do === "place" ? step.entry.origin : undefined;
      const info = await infoOfItem(surroundings, item, origin?.from === "registry" ? origin.registry : undefined, signal);
      return { ...info, isInstalled: found !== undefined, pinned: found?.[1].pinned ?? false };
    },

    search: (query: string, limit: number, signal: AbortSignal): Promise<Searched> =>
      search(embedded, surroundings.sources.registries, { query, limit }, signal),

    async why(typed: string, signal: AbortSignal): Promise<Reasons> {
      const packages = readLock(home);
      const own = embedded.named(typed);
      const name: PackageName = own && !packages[`plugins/${typed}`] ? { kind: "plugins", id: own.id } : installed(typed, packages)[0];
      return reasonsFor(surroundings, embedded, name, packages, signal);
    },
  };
}
