/** Whether the name of what is not installed yet is likely a slip, or waits for one. */
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
  const others = (await registries.catalogue(signal))
    .filter((entry) => entry.kind === kind)
    .map((entry) => ({
      id: entry.id,
      publisher: `${entry.publisher} in ${entry.registry}`,
      downloads: 2 ** (entry.downloadsLog2 ?? 0),
      isThis: entry.id === id && entry.registry === origin.registry,
    }));
  const found = createLookalikes(others).find({ id, ...(publisher && { publisher: `${publisher.name} in ${origin.registry}` }) });
  const like = others.find((entry) => entry.id === found?.id && entry.publisher === found?.publisher);
  if (!found || !like) return [];
  const downloads = others.find(({ isThis }) => isThis)?.downloads ?? 1;
  const by = `by ${like.publisher}`;
  // Who imitates can have himself downloaded too, but hardly more often than what he imitates: so the warning stays, and is quieter only for what is known far better.
  if (downloads >= like.downloads * farMore)
    return [{ code: "lookalike", level: "note", text: `${found.id} (${by}) is like it, and far less downloaded` }];
  const often = like.downloads >= downloads * farMore ? ", far more often downloaded" : "";
  const text = `did you mean ${found.id} (${by}${often})? ${id} is like it: ${found.why}`;
  return [{ code: "lookalike", level: "warning", text }];
}

/** So many times as often. */
const farMore = 16;
