/** Archives that a client sends in pieces before they are installed: held in memory for a while, whole or not at all. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { archiveLimits } from "@pincer/registry/archive/read";
import { isName } from "@pincer/registry/name";
import { sha256Of } from "@pincer/registry/sha256";
import { clientErrors } from "./errors.ts";
import type { uploadBegin, uploadChunk, uploadCommit } from "./upload-methods.ts";

const lifeMs = 60 * 60_000;
const most = 16;

interface Begun extends ParamsOf<typeof uploadBegin> {
  readonly uploadId: string;
  readonly expiresAt: number;
  readonly pieces: Buffer[];
  received: number;
  whole?: { readonly bytes: Uint8Array; readonly sha256: string };
}

const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_UPLOAD(why);

export function createUploads(clock: Clock) {
  const begun = new Map<string, Begun>();

  const sweep = (): void => {
    for (const [id, { expiresAt }] of begun) if (clock.now() >= expiresAt) begun.delete(id);
  };
  const find = (uploadId: string): Begun => {
    sweep();
    const found = begun.get(uploadId);
    if (!found)
      throw refuse(
        `expected the id of an upload that skills.upload.begin has begun within the hour, came ${JSON.stringify(uploadId.slice(0, 100))}`,
      );
    return found;
  };
  const state = ({ uploadId, received, expiresAt }: Begun) => ({ uploadId, receivedBytes: received, expiresAt });

  return {
    begin(params: ParamsOf<typeof uploadBegin>): ResultOf<typeof uploadBegin> {
      sweep();
      const { slug, sizeBytes, sha256, force = false, idempotencyKey } = params;
      if (!isName(slug))
        throw refuse(`expected the name of a skill as its slug, such as weather, came ${JSON.stringify(slug.slice(0, 100))}`);
      if (sizeBytes > archiveLimits.packedBytes) throw refuse(`expected at most ${archiveLimits.packedBytes} bytes, came ${sizeBytes}`);
      const again = [...begun.values()].find((one) => idempotencyKey !== undefined && one.idempotencyKey === idempotencyKey);
      if (again && (again.slug !== slug || again.sizeBytes !== sizeBytes || again.sha256 !== sha256 || (again.force ?? false) !== force))
        throw refuse("expected what was begun with that idempotencyKey, came another upload");
      if (again) return state(again);
      if (begun.size >= most)
        throw refuse(`expected at most ${most} uploads at once: commit and install them, or wait until they are an hour old`);
      const uploadId = crypto.randomUUID();
      const made: Begun = { ...params, uploadId, expiresAt: clock.now() + lifeMs, pieces: [], received: 0 };
      begun.set(uploadId, made);
      return state(made);
    },

    chunk({ uploadId, offset, dataBase64 }: ParamsOf<typeof uploadChunk>): ResultOf<typeof uploadChunk> {
      const found = find(uploadId);
      if (found.whole) throw refuse("expected nothing more of an upload that is committed, came a piece");
      if (offset !== found.received) throw refuse(`expected the piece at ${found.received}, came the one at ${offset}`);
      if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(dataBase64))
        throw refuse("expected the piece in base64, came another text");
      const piece = Buffer.from(dataBase64, "base64");
      if (found.received + piece.length > found.sizeBytes)
        throw refuse(`expected ${found.sizeBytes} bytes in all, as was said, came ${found.received + piece.length}`);
      found.pieces.push(piece);
      found.received += piece.length;
      return state(found);
    },

    commit({ uploadId, sha256 }: ParamsOf<typeof uploadCommit>): ResultOf<typeof uploadCommit> {
      const found = find(uploadId);
      if (found.received !== found.sizeBytes) throw refuse(`expected ${found.sizeBytes} bytes, as was said, came ${found.received}`);
      const bytes = found.whole?.bytes ?? Buffer.concat(found.pieces.splice(0));
      const is = found.whole?.sha256 ?? sha256Of(bytes);
      found.whole = { bytes, sha256: is };
      for (const said of [found.sha256, sha256]) requireSha256(said, is);
      return { ...state(found), sha256: is };
    },

    /** Once: what was taken is gone from here. */
    take(uploadId: string, name: string, sha256: string | undefined): Uint8Array {
      const found = find(uploadId);
      if (!found.whole) throw refuse("expected an upload that is committed: skills.upload.commit");
      if (found.slug !== name)
        throw refuse(`expected the slug ${found.slug}, with which it was begun, came ${JSON.stringify(name.slice(0, 100))}`);
      for (const said of [found.sha256, sha256]) requireSha256(said, found.whole.sha256);
      begun.delete(uploadId);
      return found.whole.bytes;
    },
  };
}

function requireSha256(said: string | undefined, is: string): void {
  if (said !== undefined && said.toLowerCase() !== is) throw refuse(`expected the SHA-256 ${said.toLowerCase()}, came ${is}`);
}
