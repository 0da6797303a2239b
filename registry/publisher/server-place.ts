/** A registry that is changed through its server. */
import { randomBytes } from "node:crypto";
import { connectionTrouble } from "../connection-trouble.ts";
import { RegistryError, type RegistryErrorCode } from "../error.ts";
import { type HttpReaderOptions, httpSource, type SourceClock } from "../http-source.ts";
import type { PackageName } from "../name.ts";
import { type StagedRole, stagedFile } from "../repository/staged.ts";
import type { OwnerPage } from "../server/ownership.ts";
import type { PublisherPage } from "../server/package-pages.ts";
import { problemIn } from "../server/problem.ts";
import { signRequest } from "../server/request-signature.ts";
import { joined } from "../source.ts";
import { publicKeyOf } from "../trust/key.ts";
import { parseMetadata } from "../trust/metadata.ts";
import { hexKeysOf, type Owner } from "../trust/owner.ts";
import { publisherRole } from "../trust/role.ts";
import { Unanswered } from "./persistently.ts";
import type { RegistryPlace, Sender, Sent } from "./place.ts";

export interface ServerPlaceOptions {
  /** The registry's address. */
  readonly url: string;
  readonly clock: SourceClock;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly fetchLed: NonNullable<HttpReaderOptions["fetchLed"]>;
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onWait: (why: string, ms: number) => void;
}

const largestAnswer = 16 * 2 ** 20;

export function serverPlace({ url, clock, fetch, fetchLed, signal, onWait }: ServerPlaceOptions): RegistryPlace {
  const source = httpSource({ url, clock, fetch, fetchLed, onWait });
  const read = (path: string) => joined(source.read(path, { limit: largestAnswer, signal }));
  const strange = (cause?: unknown) =>
    new RegistryError("REGISTRY_UNREACHABLE", `${url} answers something else than a registry's server`, { cause });

  /** Undefined where there is nothing. */
  async function page<Page>(path: string): Promise<Page | undefined> {
    try {
      return JSON.parse(Buffer.from(await read(`api/v1/${path}`)).toString("utf8"));
    } catch (error) {
      if (!(error instanceof RegistryError)) throw strange(error);
      if (error.code === "REGISTRY_NOT_FOUND") return undefined;
      throw error;
    }
  }

  async function post(path: string, form: FormData, by?: Sender): Promise<unknown> {
    const packed = new Response(form);
    // Bun forgets it once the body is read.
    const headers = { "content-type": packed.headers.get("content-type")! };
    const body = new Uint8Array(await packed.arrayBuffer());
    const target = new URL(`api/v1/${path}`, url.endsWith("/") ? url : `${url}/`);
    const proof = by?.token
      ? { authorization: `Bearer ${by.token}` }
      : by && signRequest({ method: "POST", url: target.href }, body, by.signer, clock.now(), randomBytes(16).toString("base64url"));
    let response: Response;
    try {
      response = await fetch(target.href, { method: "POST", body, headers: { ...headers, ...proof }, redirect: "manual", signal });
      if (response.status === 200 || response.status === 201) return await response.json();
    } catch (error) {
      signal.throwIfAborted();
      throw new Unanswered("REGISTRY_UNREACHABLE", `${url}: ${connectionTrouble(error)}`, undefined, { cause: error });
    }
    const said = await problemIn(response);
    const code = (said?.code ?? "REGISTRY_UNREACHABLE") as RegistryErrorCode;
    const message = said?.detail ?? `${url}: expected 200 or 201, came ${response.status}`;
    const after = response.headers.get("retry-after");
    if (after !== null && /^\d{1,6}$/.test(after)) throw new Unanswered(code, message, Number(after) * 1000);
    if (code === "REGISTRY_FULL") throw new RegistryError(code, message);
    throw response.status >= 500 || response.status === 408 ? new Unanswered(code, message, undefined) : new RegistryError(code, message);
  }

  const ownerPath = ({ kind, id }: PackageName) => `packages/${kind}/${id}/owner`;

  return {
    name: url,
    source,

    async publisher(publisher) {
      const known = await page<PublisherPage>(`publishers/${publisher}`);
      if (!known) return undefined;
      const role = publisherRole(publisher);
      const { keys, list, threshold, handedOver } = known;
      const isRight = Array.isArray(keys) && Array.isArray(handedOver) && (!list || Number.isInteger(list.version));
      if (!isRight) throw strange();
      return {
        owner: keys.length === 0 ? undefined : { keys: keys.map(publicKeyOf), threshold },
        list: list ? parseMetadata("targets", role, await read(`metadata/${list.version}.${role}.json`)) : undefined,
        handedOver,
      };
    },

    async owned(name) {
      const known = await page<OwnerPage>(ownerPath(name));
      if (!known) return undefined;
      if (!Array.isArray(known.keys)) throw strange();
      const { publisher, keys, threshold, offer } = known;
      return { publisher, owner: { keys: keys.map(publicKeyOf), threshold }, offer: offer ?? undefined };
    },

    async publish({ publisher, list, newcomer, archives }, by) {
      const form = formOf({ publisher, metadata: list, keys: newcomer });
      for (const [path, bytes] of archives) form.set(path, new Blob([bytes]), "archive.tgz");
      return (await post("publish", form, by)) as Sent;
    },

    async offer(name, statement) {
      await post(ownerPath(name), formOf({ statement }));
    },

    async take(name, { publisher, list, newcomer }, by) {
      await post(ownerPath(name), formOf({ publisher, metadata: list, keys: newcomer }), by);
    },

    async rekey(publisher, owner, list, statement, by) {
      await post(`publishers/${publisher}/keys`, formOf({ metadata: list, keys: owner, statement }), by);
    },

    async apply(staged) {
      const { applied } = (await post("staged", formOf({ staged: stagedFile(staged) }))) as { readonly applied: readonly StagedRole[] };
      return applied;
    },
  };
}

/** Nothing for what is undefined; keys as a server reads them. */
function formOf(fields: Readonly<Record<string, string | Uint8Array<ArrayBuffer> | Owner | undefined>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (typeof value === "string") form.set(name, value);
    else if (value instanceof Uint8Array) form.set(name, new Blob([value]), `${name}.json`);
    else form.set(name, JSON.stringify({ keys: hexKeysOf(value), threshold: value.threshold }));
  }
  return form;
}
