/** Whether the name of what is not installed yet is likely a slip, or waits for one. */
import { leastDownloadsLog2 } from "@pincer/registry/catalogue";
import { createLookalikes } from "@pincer/registry/lookalike";
import type { Notice } from "../../notice.ts";
import type { RegistrySources } from "../../sources/registry.ts";
import type { Candidate } from "../../sources/source.ts";

/** `own`: the names of this Pincer. One that is like those needs a yes; of one that is like another's, nobody here knows which of them is the known one. */
export async function lookalikesOf(
  { kind, id, publisher, origin }: Candidate,
  own: readonly string[],
  registries: Pick<RegistrySources, "catalogue">,
  signal: AbortSignal,
): Promise<readonly Notice[]> {
  // Whoever names a folder knows what lies in it.
  if (origin.from === "folder") return [];
  const mine = kind === "plugins" ? createLookalikes(own.map((name) => ({ id: name }))).find({ id }) : undefined;
  if (mine) {
    const text = `did you mean ${mine.id}, of this Pincer ("pincer install ${mine.id}")? ${id} is another's, and like it: ${mine.why}`;
    return [{ code: "lookalike", level: "yes", text }];
  }
  if (origin.from !== "registry") return [];
  // Who is called the same in another registry is somebody else.
  const others = (await registries.catalogue(signal)).entries
    .filter((entry) => entry.kind === kind)
    // Of what is told as little nobody knows how little.
    .map(({ id: other, downloadsLog2 = leastDownloadsLog2 - 1, ...entry }) => ({
      ...{ id: other, downloadsLog2, downloads: 2 ** downloadsLog2 },
      publisher: `${entry.publisher} in ${entry.registry}`,
      isThis: other === id && entry.registry === origin.registry,
    }));
  const found = createLookalikes(others).find({ id, ...(publisher && { publisher: `${publisher.name} in ${origin.registry}` }) });
  const like = others.find((entry) => entry.id === found?.id && entry.publisher === found?.publisher);
  if (!found || !like) return [];
  const more = like.downloadsLog2 - (others.find(({ isThis }) => isThis)?.downloadsLog2 ?? leastDownloadsLog2 - 1);
  const by = `by ${like.publisher}`;
  // Who imitates can have himself downloaded too, but hardly more often than what he imitates: so the warning stays, and is quieter only for what is known far better.
  if (more <= -farMore) return [{ code: "lookalike", level: "note", text: `${found.id} (${by}) is like it, and far less downloaded` }];
  const text = `did you mean ${found.id} (${by}${more >= farMore ? ", far more often downloaded" : ""})? ${id} is like it: ${found.why}`;
  return [{ code: "lookalike", level: "warning", text }];
}

/** As a power of two: eight times as often at the least, and sixteen times mostly. */
const farMore = 4;
