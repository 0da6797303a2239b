/** A registry's server: its files, and beside them publishing, search and counts. */
import { RegistryError } from "../error.ts";
import type { SourceClock } from "../http-source.ts";
import { openRepository } from "../repository/repository.ts";
import { parseStaged } from "../repository/staged.ts";
import { scanApart } from "../scan/scan-apart.ts";
import type { Signer } from "../trust/key.ts";
import { ownAddresses } from "./address.ts";
import { clawHubPrefix, createApp } from "./app.ts";
import { readBody } from "./body.ts";
import { createCallers } from "./callers.ts";
import { createClawHub } from "./clawhub/handler.ts";
import { createRegistryShelf } from "./clawhub/registry-shelf.ts";
import { openDatabase, requireRegistry } from "./database.ts";
import { createDownloads } from "./downloads.ts";
import { lockFolder } from "./folder-lock.ts";
import { createNames, popularNames, type Resemblance, reservedNames } from "./names.ts";
import { createNewcomers } from "./newcomers.ts";
import { createOwnership } from "./ownership.ts";
import { createPackagePages } from "./package-pages.ts";
import { createPublisher } from "./publish.ts";
import { createQuota } from "./quota.ts";
import { createRates } from "./rates.ts";
import { createRekeying } from "./rekeying.ts";
import { createSearchIndex } from "./search-index.ts";
import type { ServerSettings } from "./settings.ts";
import { createShelf } from "./shelf.ts";
import { createTokens } from "./tokens.ts";
import { createUploads } from "./uploads.ts";

export interface ServeOptions {
  /** Of the registry. */
  readonly folder: string;
  /** The server's own key, with which it says what belongs together today. */
  readonly online: Signer;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly settings: ServerSettings;
  readonly clock: SourceClock;
  /** Names that nobody takes without the operator's word: of what comes with Pincer. */
  readonly reserved?: readonly string[];
  readonly resembles?: Resemblance;
  /** Told what went wrong here, and is nobody else's fault. */
  readonly onFault: (error: unknown) => void;
}

export interface RegistryServer {
  readonly url: string;
  /** Lets publications come to their end, of which the whole has come; whatever else is asked for is cut off, and can be asked for again. */
  stop(): Promise<void>;
}

/** A timestamp counts for a day; so often it is signed anew. */
const renewMs = 6 * 60 * 60 * 1000;
/** Without a byte in either direction, in seconds. */
const idleSeconds = 30;
/** For the answers that are on their way when the last publication is done. */
const lastAnswersMs = 100;

/** Why it cannot be listened there, in words that say what a person can look at. */
function whyNotListened(error: unknown): string {
  const { code = "", message = String(error) } = error as { readonly code?: string; readonly message?: string };
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: "another program listens there already: stop that one, or name another port",
    EADDRNOTAVAIL: "this machine has no such address: 127.0.0.1 is for itself alone, 0.0.0.0 for others too",
    EINVAL: "that is no address to listen on: 127.0.0.1 is for this machine alone, 0.0.0.0 for others too",
    EACCES: "the system lets this user have no such port: name one above 1023",
  };
  return words[code] ?? `cannot be listened on: ${message}`;
}

export async function serveRegistry(options: ServeOptions): Promise<RegistryServer> {
  const { folder, online, settings, clock, onFault } = options;
  const now = () => clock.now();
  requireRegistry(folder);
  using opened = new DisposableStack();
  opened.use(lockFolder(folder));
  const database = openDatabase(folder);
  opened.defer(() => database.close());
  const index = createSearchIndex(database);
  const repository = openRepository(folder, { online, now, downloads: index.downloads });
  const shelf = createShelf(folder, database, repository, index);
  const downloads = createDownloads(database, now);
  const tokens = createTokens(database, now);
  const rates = {
    files: createRates(settings.rates.files, "files", now),
    reads: createRates(settings.rates.reads, "questions", now),
    publications: createRates(settings.rates.publications, "publications", now),
    bytes: createRates(settings.rates.bytes, "bytes of publications", now),
    claims: createRates(settings.rates.claims, "new names", now),
  };
  const own = reservedNames(options.reserved ?? []);
  const others = options.resembles ?? popularNames(database, settings.popularDownloads);
  const names = createNames(database, settings.claims, (name, publisher) => own(name, publisher) ?? others(name, publisher), now);
  const callers = createCallers(database, tokens, () => ownAddresses(settings, options.host, app.server!.port!), now);
  const newcomers = createNewcomers(database, repository, now);
  const uploads = createUploads(settings.uploads);
  const bodies = { ms: settings.bodySeconds * 1000, signal: uploads.closed };
  const renew = database.transaction(() => repository.renew());
  renew.immediate();
  shelf.refresh();
  const app = createApp({
    folder,
    settings,
    rates,
    downloads,
    index,
    shelf,
    pages: createPackagePages({ database, repository, shelf, downloads, settings }),
    clawHub: createClawHub({ shelf: createRegistryShelf({ folder, repository, shelf, index }), prefix: clawHubPrefix }),
    publish: createPublisher({
      database,
      repository,
      settings,
      callers,
      names,
      newcomers,
      quota: createQuota(database, settings, now),
      scan: (kind, files) => scanApart(kind, files, { seconds: settings.scanSeconds, clock, onFault }),
      shelf,
      clock,
      rates,
      uploads,
      bodies,
    }),
    uploads,
    ownership: createOwnership({ database, repository, callers, newcomers, shelf, now }),
    rekey: createRekeying({ repository, callers, names, shelf }),
    apply(bytes) {
      const staged = parseStaged(bytes);
      const applied = database.transaction(() => repository.apply(staged)).immediate();
      shelf.refresh();
      return applied;
    },
    readBody: (request, bytes) => readBody(request, { ...bodies, bytes }, clock),
    onFault,
  });
  try {
    app.listen({
      hostname: options.host,
      port: options.port,
      idleTimeout: idleSeconds,
      maxRequestBodySize: settings.publicationBytes,
      development: false,
      // Elysia's own default lets two servers share a port, and each would answer half of what is asked.
      reusePort: false,
    });
  } catch (error) {
    throw new RegistryError("REGISTRY_UNREACHABLE", `${options.host}:${options.port}: ${whyNotListened(error)}`, { cause: error });
  }
  const over = new AbortController();
  const renewing = (async () => {
    while (!over.signal.aborted) {
      await clock.sleep(renewMs, over.signal).catch(() => undefined); // silent-ok: aborted, which the loop sees
      if (over.signal.aborted) return;
      try {
        renew.immediate();
      } catch (error) {
        // What is signed counts for a day: there are three more attempts.
        onFault(error);
      }
    }
  })();
  const kept = opened.move();
  const server = app.server!;
  return {
    url: server.url.href.replace(/\/$/, ""),
    async stop() {
      using _ended = kept;
      over.abort();
      // Nobody is heard from now on. Whoever sends slowly, or reads slowly, would keep it from ending.
      const answered = server.stop();
      await uploads.close();
      await Promise.race([answered, clock.sleep(lastAnswersMs)]);
      await server.stop(true);
      await renewing;
    },
  };
}
