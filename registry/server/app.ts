/** The server's paths: questions and publications below `/api/v1/`; everything else is a file of the registry's. */
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { RegistryError } from "../error.ts";
import { placeOf } from "../layout.ts";
import { isName, type PackageName } from "../name.ts";
import { longestStaged, type StagedRole } from "../repository/staged.ts";
import { kind } from "../schema.ts";
import { forwardedFor, householdOf, originOf } from "./address.ts";
import type { ClawHub } from "./clawhub/handler.ts";
import type { RegistryRelease } from "./clawhub/registry-shelf.ts";
import type { Downloads } from "./downloads.ts";
import { serveFile } from "./files.ts";
import { readForm } from "./form.ts";
import { packagePage, refusalPage, searchPage } from "./html.ts";
import type { Ownership } from "./ownership.ts";
import type { PackagePages } from "./package-pages.ts";
import { problem } from "./problem.ts";
import type { Accepted } from "./publish.ts";
import type { Rates } from "./rates.ts";
import type { Rekeying } from "./rekeying.ts";
import type { SearchIndex } from "./search-index.ts";
import type { ServerSettings } from "./settings.ts";
import type { Shelf } from "./shelf.ts";
import type { Uploads } from "./uploads.ts";

export interface AppParts {
  readonly folder: string;
  readonly settings: ServerSettings;
  readonly rates: { readonly files: Rates; readonly reads: Rates; readonly publications: Rates; readonly bytes: Rates };
  readonly downloads: Downloads;
  readonly index: SearchIndex;
  readonly shelf: Shelf;
  readonly pages: PackagePages;
  readonly clawHub: ClawHub<RegistryRelease>;
  readonly publish: (request: Request, household: string) => Promise<Accepted>;
  readonly ownership: Ownership;
  readonly rekey: Rekeying;
  readonly apply: (staged: Uint8Array) => readonly StagedRole[];
  readonly uploads: Uploads;
  readonly readBody: (request: Request, bytes: number) => Promise<Uint8Array<ArrayBuffer>>;
  readonly onFault: (error: unknown) => void;
}

const query = Type.Object({
  q: Type.String({ maxLength: 200, default: "" }),
  kind: Type.Optional(kind),
  limit: Type.Optional(Type.String({ pattern: "^[1-9]\\d{0,2}$" })),
  cursor: Type.Optional(Type.String({ maxLength: 40 })),
});
const most = 100;
/** Below it lies what ClawHub's clients ask: its paths are others' than the registry's own. */
export const clawHubPrefix = "/clawhub";

export function createApp(parts: AppParts) {
  const { folder, rates, downloads, index, shelf, pages } = parts;
  const household = (request: Request, peer: string | undefined) =>
    householdOf(forwardedFor(request.headers, peer ?? "", parts.settings.proxies));

  /** One of the registry's own files, counted when it is an archive that is fetched from its beginning. */
  const file = (request: Request, peer: string | undefined): Response => {
    const who = household(request, peer);
    rates.files.take(who);
    const { pathname } = new URL(request.url);
    const response = serveFile(folder, pathname, request);
    const isWhole = response.status === 200 || response.headers.get("content-range")?.startsWith("bytes 0-");
    if (isWhole && request.method === "GET")
      try {
        downloads.count(pathname, who);
      } catch (error) {
        // Whoever installs does not wait for what only counts.
        parts.onFault(error);
      }
    return response;
  };

  const received = <Done>(
    request: Request,
    server: Pick<Bun.Server<unknown>, "requestIP"> | null,
    step: (body: Uint8Array<ArrayBuffer>) => Promise<Done>,
    bytes = parts.settings.publicationBytes,
  ): Promise<Done> => {
    const who = household(request, server?.requestIP(request)?.address);
    rates.publications.take(who);
    return parts.uploads.receive(who, async () => {
      const body = await parts.readBody(request, bytes);
      rates.bytes.take(who, body.length);
      return step(body);
    });
  };

  const api = new Elysia({ prefix: "/api/v1" })
    .onBeforeHandle(({ request, server }) => {
      if (request.method === "GET") {
        rates.reads.take(household(request, server?.requestIP(request)?.address));
        shelf.refresh();
      }
    })
    .get("/", () => pages.overview())
    .get(
      "/search",
      ({ query: { q, kind, limit, cursor } }) =>
        index.find({ q, limit: Math.min(most, Number(limit ?? 20)), ...(kind && { kind }), ...(cursor !== undefined && { cursor }) }),
      { query },
    )
    .get("/offers", () => parts.ownership.offers())
    .get("/publishers/:publisher", ({ params }) => pages.publisher(params.publisher))
    .get("/packages/:kind/:id", ({ params }) => pages.package(nameIn(params)))
    .get("/packages/:kind/:id/:version", ({ params }) => pages.release({ ...nameIn(params), version: params.version }))
    .get("/packages/:kind/:id/owner", ({ params }) => parts.ownership.of(nameIn(params)))
    .post(
      "/packages/:kind/:id/owner",
      ({ params, request, server }) => {
        const name = nameIn(params);
        return received(request, server, (body) => parts.ownership.post(name, request, body));
      },
      { parse: "none" },
    )
    .post(
      "/publishers/:publisher/keys",
      ({ params, request, server }) =>
        received(request, server, async (body) => {
          await parts.rekey(params.publisher, request, body);
          return pages.publisher(params.publisher);
        }),
      { parse: "none" },
    )
    .post(
      "/staged",
      ({ request, server }) =>
        // Anybody may send one, and nothing of it is signed before it is read.
        received(
          request,
          server,
          async (body) => {
            const form = await readForm(body, request.headers.get("content-type") ?? "");
            return { applied: parts.apply(form.bytes("staged")) };
          },
          longestStaged,
        ),
      { parse: "none" },
    )
    .post(
      "/publish",
      async ({ request, server }) => {
        const accepted = await parts.publish(request, household(request, server?.requestIP(request)?.address));
        return Response.json(accepted, { status: 201 });
      },
      { parse: "none" },
    );

  /** What is asked as the API is, at other paths. */
  const question = (request: Request, peer: string | undefined): void => {
    rates.reads.take(household(request, peer));
    shelf.refresh();
  };
  const people = new Elysia()
    .onBeforeHandle(({ request, server }) => question(request, server?.requestIP(request)?.address))
    .get(
      "/",
      ({ request, query: { q } }) => {
        // Elysia takes `/metadata/` for it too.
        if (new URL(request.url).pathname !== "/") throw new RegistryError("REGISTRY_NOT_FOUND", "there is nothing at this address");
        return searchPage(q, index.find({ q, limit: most }));
      },
      { query },
    )
    .get("/plugins/:id", ({ params: { id } }) => packagePage(pages.package(nameIn({ kind: "plugins", id }))))
    .get("/skills/:id", ({ params: { id } }) => packagePage(pages.package(nameIn({ kind: "skills", id }))));

  const clawHub = new Elysia().onBeforeHandle(({ request, server }) => question(request, server?.requestIP(request)?.address));
  // Also what would publish there, to be told that nothing is published this way.
  for (const method of ["GET", "HEAD", "POST", "DELETE"])
    for (const path of ["/.well-known/clawhub.json", "/.well-known/clawdhub.json", `${clawHubPrefix}/api/v1/*`])
      clawHub.route(
        method,
        path,
        ({ request, server }) =>
          parts.clawHub(request, {
            origin: originOf(request, parts.settings),
            onDownload: ({ path: archive, sha256 }) =>
              downloads.count(`/${placeOf(archive, sha256)}`, household(request, server?.requestIP(request)?.address)),
          }),
        { parse: "none" },
      );

  return new Elysia()
    .onError(({ code, error, request }) => {
      const refused = (why: RegistryError) =>
        request.headers.get("accept")?.includes("text/html") ? refusalPage(problem(why), why.message) : problem(why);
      if (error instanceof RegistryError) return refused(error);
      if (code === "NOT_FOUND") return refused(new RegistryError("REGISTRY_NOT_FOUND", "there is nothing at this address"));
      if (code === "VALIDATION") {
        const first = error.all[0];
        const where = first && "path" in first ? `${first.path}: ${first.message}` : "another form was expected";
        return problem(new RegistryError("REGISTRY_REQUEST_INVALID", `what was asked for: ${where}`));
      }
      if (code === "PARSE") return problem(new RegistryError("REGISTRY_REQUEST_INVALID", "the body has another form than was expected"));
      parts.onFault(error);
      if (isOfFullDisk(error))
        return problem(new RegistryError("REGISTRY_FULL", "the registry's disk is full, and whoever runs it was told"));
      return Response.json(
        { status: 500, code: "REGISTRY_FAULT", detail: "the registry has failed, and whoever runs it was told" },
        { status: 500 },
      );
    })
    .use(api)
    .use(clawHub)
    .use(people)
    .get("/*", ({ request, server }) => file(request, server?.requestIP(request)?.address))
    .head("/*", ({ request, server }) => file(request, server?.requestIP(request)?.address));
}

const isOfFullDisk = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT", "SQLITE_FULL"].includes(String((error as { readonly code?: unknown } | null)?.code));

function nameIn({ kind, id }: { readonly kind: string; readonly id: string }): PackageName {
  if ((kind === "plugins" || kind === "skills") && isName(id)) return { kind, id };
  throw new RegistryError("REGISTRY_NOT_FOUND", `expected plugins or skills and the name of one, came ${kind}/${id.slice(0, 100)}`);
}
