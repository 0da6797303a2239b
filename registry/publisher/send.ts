/** Publishes on a server: signs here what follows what the server has, sends it, and begins again when somebody of the same publisher was quicker. */
import { randomBytes } from "node:crypto";
import { RegistryError, type RegistryErrorCode } from "../error.ts";
import { httpSource, type SourceClock } from "../http-source.ts";
import { archiveOf } from "../name.ts";
import { problemIn } from "../server/problem.ts";
import { signRequest } from "../server/request-signature.ts";
import { joined } from "../source.ts";
import { signersOf } from "../trust/envelope.ts";
import type { Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, type Signed, signMetadata } from "../trust/metadata.ts";
import { publisherRole } from "../trust/role.ts";

export interface SendOptions {
  /** The registry's address. */
  readonly url: string;
  readonly publisher: string;
  /** As many as must sign. */
  readonly signers: readonly [Signer, ...Signer[]];
  /** With which the request is sent; without one it is signed with the first key. */
  readonly token?: string;
  readonly clock: SourceClock;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly signal?: AbortSignal;
  /** Told before each wait. */
  readonly onWait?: (why: string, ms: number) => void;
}

/** What the server answers with. */
export interface Sent {
  readonly version: number;
  readonly released: readonly {
    readonly kind: string;
    readonly id: string;
    readonly version: string;
    readonly sha256: string;
    readonly findings: readonly {
      readonly rule: string;
      readonly severity: string;
      readonly file: string;
      readonly line: number;
      readonly sentence: string;
    }[];
  }[];
  readonly claimed: readonly { readonly kind: string; readonly id: string }[];
}

/** Attempts, however they failed. */
const attempts = 8;
const pauseMs = 500;
const longestWaitMs = 120_000;
const largestList = 16 * 2 ** 20;

/**
 * `next` is asked for what to sign, again whenever the server has something newer; undefined: there is nothing left to do, because an earlier attempt has
 * arrived without an answer. Throws what the server refuses, by its code, and `REGISTRY_UNREACHABLE`.
 */
export async function send(
  options: SendOptions,
  next: (before: Signed<"targets"> | undefined) => Signed<"targets"> | undefined,
  archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<Sent | undefined> {
  let failure: RegistryError | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { before, isKnown } = await current(options);
    const list = next(before);
    if (!list) return undefined;
    const outcome = await post(options, signMetadata(list, options.signers), isKnown, newIn(archives, before));
    if ("sent" in outcome) return outcome.sent;
    failure = outcome.failure;
    if (failure.code === "REGISTRY_LIST_CHANGED") continue;
    if (outcome.waitMs === undefined || outcome.waitMs > longestWaitMs) throw failure;
    const waitMs = outcome.waitMs === 0 ? pauseMs * 2 ** attempt : outcome.waitMs;
    options.onWait?.(failure.message, waitMs);
    await options.clock.sleep(waitMs, options.signal);
  }
  throw failure!;
}

const newIn = (archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, before: Signed<"targets"> | undefined) =>
  new Map([...archives].filter(([path]) => before?.targets[path] === undefined));

/** What the server has of the publisher. It is built upon only when these keys have signed it: else a server could have foreign releases signed. */
async function current({ url, publisher, signers, clock, fetch, signal, onWait }: SendOptions) {
  const source = httpSource({ url, clock, fetch, ...(onWait && { onWait }) });
  const read = async (path: string) => joined(source.read(path, { limit: largestList, ...(signal && { signal }) }));
  let known: { readonly list?: { readonly version?: unknown } | null; readonly handedOver?: unknown };
  try {
    known = JSON.parse(Buffer.from(await read(`api/v1/publishers/${publisher}`)).toString("utf8"));
  } catch (error) {
    if (error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND") return { before: undefined, isKnown: false };
    if (error instanceof RegistryError) throw error;
    throw new RegistryError("REGISTRY_UNREACHABLE", `${url} answers something else than a registry's server`, { cause: error });
  }
  if (!known.list) return { before: undefined, isKnown: true };
  const { version } = known.list;
  if (typeof version !== "number" || !Number.isInteger(version))
    throw new RegistryError("REGISTRY_UNREACHABLE", `${url} answers something else than a registry's server`);
  const role = publisherRole(publisher);
  const metadata: Metadata<"targets"> = parseMetadata("targets", role, await read(`metadata/${version}.${role}.json`));
  if (signers.some((signer) => signersOf(metadata, [signer]).length === 0))
    throw new RegistryError(
      "REGISTRY_METADATA_UNSIGNED",
      `${url} has a list of ${publisher} that this key has not signed: another key signs as ${publisher} there`,
    );
  const handedOver = Array.isArray(known.handedOver) ? known.handedOver : [];
  const targets = Object.fromEntries(Object.entries(metadata.signed.targets).filter(([path]) => !handedOver.includes(path)));
  return { before: { ...metadata.signed, targets }, isKnown: true };
}

type Outcome = { readonly sent: Sent } | { readonly failure: RegistryError; readonly waitMs?: number };

async function post(
  { url, publisher, signers, token, clock, fetch, signal }: SendOptions,
  metadata: Uint8Array<ArrayBuffer>,
  isKnown: boolean,
  archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<Outcome> {
  const form = new FormData();
  form.set("publisher", publisher);
  form.set("metadata", new Blob([metadata]), "metadata.json");
  if (!isKnown) form.set("keys", JSON.stringify({ keys: signers.map(({ json }) => json.keyval.public), threshold: signers.length }));
  for (const [path, bytes] of archives) form.set(path, new Blob([bytes]), "archive.tgz");
  const packed = new Response(form);
  // Bun forgets it once the body is read.
  const contentType = packed.headers.get("content-type")!;
  const body = new Uint8Array(await packed.arrayBuffer());
  const target = new URL("api/v1/publish", url.endsWith("/") ? url : `${url}/`);
  const proof = token
    ? { authorization: `Bearer ${token}` }
    : signRequest({ method: "POST", url: target.href }, body, signers[0], clock.now(), randomBytes(16).toString("base64url"));
  let response: Response;
  try {
    const headers = { ...proof, "content-type": contentType };
    response = await fetch(target.href, { method: "POST", body, headers, redirect: "manual", ...(signal && { signal }) });
    if (response.status === 201) return { sent: (await response.json()) as Sent };
  } catch (error) {
    signal?.throwIfAborted();
    return { failure: new RegistryError("REGISTRY_UNREACHABLE", `${url}: ${(error as Error).message}`, { cause: error }), waitMs: 0 };
  }
  const said = await problemIn(response);
  const failure = new RegistryError(
    (said?.code ?? "REGISTRY_UNREACHABLE") as RegistryErrorCode,
    said?.detail ?? `${url}: expected 201, came ${response.status}`,
  );
  const after = response.headers.get("retry-after");
  if (after !== null && /^\d{1,6}$/.test(after)) return { failure, waitMs: Number(after) * 1000 };
  if (failure.code === "REGISTRY_FULL") return { failure };
  return response.status >= 500 || response.status === 408 ? { failure, waitMs: 0 } : { failure };
}

/** What `send` needs to publish one release, and to see that it has arrived. */
export function hasArrived(before: Signed<"targets"> | undefined, release: Parameters<typeof archiveOf>[0], sha256: string): boolean {
  return before?.targets[archiveOf(release)]?.hashes.sha256 === sha256;
}
