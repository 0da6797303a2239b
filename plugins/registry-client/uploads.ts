/** Archives that a client sends in pieces before they are installed: in a folder for an hour, each whole or not at all, also for whoever comes after a kill. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { archiveLimits } from "@pincer/registry/archive/read";
import { isName } from "@pincer/registry/name";
import { sha256Of } from "@pincer/registry/sha256";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { namesIn, readText, replaceFile } from "./engine/home/layout.ts";
import { clientErrors } from "./errors.ts";
import { type uploadBegin, type uploadChunk, type uploadCommit, uploadSaid } from "./upload-methods.ts";

const lifeMs = 60 * 60_000;
const most = 16;

const Begun = Type.Object({
  ...uploadSaid,
  uploadId: Type.String(),
  /** Epoch milliseconds. */
  expiresAt: Type.Integer(),
  /** Bytes that are on the disk; what lies behind them is of a piece that was interrupted. */
  received: Type.Integer(),
  /** Of all of it, once it is whole. */
  whole: Type.Optional(Type.String()),
});
type Begun = Static<typeof Begun>;

export type Uploads = ReturnType<typeof createUploads>;

const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_UPLOAD(why);

export const uploadsIn = (home: string, clock: Pick<Clock, "now">) =>
  createUploads(join(home, "data", "registry-client", "uploads"), clock);

function createUploads(folder: string, clock: Pick<Clock, "now">) {
  const placeOf = (uploadId: string): string => join(folder, uploadId);
  const zipOf = (uploadId: string): string => join(placeOf(uploadId), "skill.zip");
  const discard = (uploadId: string): void => rmSync(placeOf(uploadId), { recursive: true, force: true });
  const save = (begun: Begun): Begun => {
    replaceFile(join(placeOf(begun.uploadId), "begun.json"), JSON.stringify(begun));
    return begun;
  };
  const read = (uploadId: string): Begun | undefined => {
    try {
      const begun: unknown = JSON.parse(readText(join(placeOf(uploadId), "begun.json")) ?? "null");
      return Value.Check(Begun, begun) && clock.now() < begun.expiresAt ? begun : undefined;
    } catch {
      return undefined; // silent-ok: it cannot be gone on with, and goes
    }
  };
  /** Those that have not expired; the others go. */
  const all = (): readonly Begun[] =>
    namesIn(folder).flatMap((uploadId) => {
      const begun = read(uploadId);
      if (!begun) discard(uploadId);
      return begun ?? [];
    });
  const find = (uploadId: string): Begun => {
    const found = all().find((begun) => begun.uploadId === uploadId);
    if (found) return found;
    const came = JSON.stringify(uploadId.slice(0, 100));
    throw refuse(`expected the id of an upload that skills.upload.begin has begun within the hour, came ${came}`);
  };
  const bytesOf = ({ uploadId, received }: Begun): Uint8Array => {
    const file = zipOf(uploadId);
    return existsSync(file) ? readFileSync(file).subarray(0, received) : new Uint8Array();
  };
  const state = ({ uploadId, received, expiresAt }: Begun) => ({ uploadId, receivedBytes: received, expiresAt });

  return {
    begin(params: ParamsOf<typeof uploadBegin>): ResultOf<typeof uploadBegin> {
      const { kind: _, ...said } = params;
      const { slug, sizeBytes, idempotencyKey } = said;
      if (!isName(slug))
        throw refuse(`expected the name of a skill as its slug, such as weather, came ${JSON.stringify(slug.slice(0, 100))}`);
      if (sizeBytes > archiveLimits.packedBytes) throw refuse(`expected at most ${archiveLimits.packedBytes} bytes, came ${sizeBytes}`);
      const begun = all();
      const again = begun.find((one) => idempotencyKey !== undefined && one.idempotencyKey === idempotencyKey);
      const what = (one: Omit<typeof said, "idempotencyKey">) => [one.slug, one.sizeBytes, one.sha256, one.force ?? false];
      if (again && !Bun.deepEquals(what(again), what(said)))
        throw refuse("expected what was begun with that idempotencyKey, came another upload");
      if (again) return state(again);
      if (begun.length >= most)
        throw refuse(`expected at most ${most} uploads at once: commit and install them, or wait until they are an hour old`);
      const uploadId = crypto.randomUUID();
      return state(save({ ...said, uploadId, expiresAt: clock.now() + lifeMs, received: 0 }));
    },

    chunk({ uploadId, offset, dataBase64 }: ParamsOf<typeof uploadChunk>): ResultOf<typeof uploadChunk> {
      const found = find(uploadId);
      if (found.whole !== undefined) throw refuse("expected nothing more of an upload that is committed, came a piece");
      if (offset !== found.received) throw refuse(`expected the piece at ${found.received}, came the one at ${offset}`);
      if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(dataBase64))
        throw refuse("expected the piece in base64, came another text");
      const piece = Buffer.from(dataBase64, "base64");
      const received = found.received + piece.length;
      if (received > found.sizeBytes) throw refuse(`expected ${found.sizeBytes} bytes in all, as was said, came ${received}`);
      putAt(zipOf(uploadId), piece, found.received);
      return state(save({ ...found, received }));
    },

    commit({ uploadId, sha256 }: ParamsOf<typeof uploadCommit>): ResultOf<typeof uploadCommit> {
      const found = find(uploadId);
      if (found.received !== found.sizeBytes) throw refuse(`expected ${found.sizeBytes} bytes, as was said, came ${found.received}`);
      const whole = sha256Of(bytesOf(found));
      for (const said of [found.sha256, sha256]) requireSha256(said, whole);
      return { ...state(save({ ...found, whole })), sha256: whole };
    },

    /** What was committed, as it was announced. */
    whole(
      uploadId: string,
      slug?: string,
      sha256?: string,
    ): { readonly slug: string; readonly bytes: Uint8Array; readonly sha256: string } {
      const found = find(uploadId);
      if (found.whole === undefined) throw refuse("expected an upload that is committed: skills.upload.commit");
      if (slug !== undefined && found.slug !== slug)
        throw refuse(`expected the slug ${found.slug}, with which it was begun, came ${JSON.stringify(slug.slice(0, 100))}`);
      const bytes = bytesOf(found);
      for (const said of [found.whole, sha256]) requireSha256(said, sha256Of(bytes));
      return { slug: found.slug, bytes, sha256: found.whole };
    },

    /** The id of one that has this digest, if one waits. */
    idOf: (sha256: string): string | undefined => all().find(({ whole }) => whole === sha256)?.uploadId,
    isForced: (uploadId: string): boolean => find(uploadId).force ?? false,
    discard,
    sweep: (): void => void all(),
  };
}

/** On the disk before it is counted. */
function putAt(file: string, bytes: Uint8Array, at: number): void {
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  const handle = openSync(file, existsSync(file) ? "r+" : "w", 0o600);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, at + done);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function requireSha256(said: string | undefined, is: string): void {
  if (said !== undefined && said.toLowerCase() !== is) throw refuse(`expected the SHA-256 ${said.toLowerCase()}, came ${is}`);
}
