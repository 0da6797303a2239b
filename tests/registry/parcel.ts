/** A publication as bytes, so that a test can spoil each part of it before it is sent. */
import { randomBytes } from "node:crypto";
import { pack } from "../../plugin-kit/archive.ts";
import { archiveOf, type Release } from "../../registry/name.ts";
import type { ReleaseNotes } from "../../registry/notes.ts";
import { nextList } from "../../registry/publisher/next-list.ts";
import { timeOf } from "../../registry/schema.ts";
import { signRequest } from "../../registry/server/request-signature.ts";
import type { Signer } from "../../registry/trust/key.ts";
import { type Signed, signMetadata } from "../../registry/trust/metadata.ts";
import { plainPlugin } from "../support/plain-plugin.ts";

export interface Parcel {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  readonly list: Signed<"targets">;
}

export interface ParcelOptions {
  readonly url: string;
  readonly publisher: string;
  readonly signer: Signer;
  readonly release: Release;
  readonly before?: Signed<"targets">;
  readonly files?: Readonly<Record<string, string>>;
  /** Instead of what the files give. */
  readonly archive?: Uint8Array<ArrayBuffer>;
  /** The text of it, where it is none of a plugin's. */
  readonly manifest?: string;
  readonly notes?: Partial<ReleaseNotes>;
  readonly token?: string;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly change?: (list: Signed<"targets">) => Signed<"targets">;
  /** What signs the list, where that is not who sends it. */
  readonly listSigner?: Signer;
  readonly withoutKeys?: boolean;
  /** With which it is said that the publisher signs, where that is not who sends it. */
  readonly keys?: readonly Signer[];
}

export async function parcel(options: ParcelOptions): Promise<Parcel> {
  const { url, publisher, signer, release, before, now, files = {}, token } = options;
  const all = plainPlugin(release, files);
  const archive = pack(Object.entries(all).map(([path, text]) => ({ path, bytes: Buffer.from(text) })));
  const notes: ReleaseNotes = {
    summary: `What ${release.id} does`,
    publishedAt: timeOf(now),
    manifest: new Bun.CryptoHasher("sha256").update(options.manifest ?? all["plugin.json"]).digest("hex"),
    ...options.notes,
  };
  const next = nextList(before, { ...release, archive, notes }, () => now);
  const list = options.change ? options.change(next) : next;
  const form = new FormData();
  form.set("publisher", publisher);
  form.set("metadata", new Blob([signMetadata(list, [options.listSigner ?? signer])]), "metadata.json");
  const keys = options.keys ?? (before || options.withoutKeys ? undefined : [signer]);
  if (keys) form.set("keys", JSON.stringify({ keys: keys.map(({ json }) => json.keyval.public), threshold: 1 }));
  form.set(archiveOf(release), new Blob([options.archive ?? archive]), "archive.tgz");
  const packed = new Response(form);
  const contentType = packed.headers.get("content-type")!;
  const body = new Uint8Array(await packed.arrayBuffer());
  const to = { method: "POST", url: `${url}/api/v1/publish` };
  const proof = token ? { authorization: `Bearer ${token}` } : signRequest(to, body, signer, now, randomBytes(16).toString("base64url"));
  return { body, list, headers: { ...proof, "content-type": contentType } };
}

export interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
  readonly retryAfter: string | null;
}

export async function post(url: string, { body, headers }: Pick<Parcel, "body" | "headers">, path = "/api/v1/publish"): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { method: "POST", body, headers });
  const json = (await response.json()) as { readonly code?: string; readonly detail?: string };
  return { status: response.status, retryAfter: response.headers.get("retry-after"), ...json };
}
