/** How long is waited for what may never come: as long as there is news. */

/** A round takes 90 s while something that was written on a channel stays unheard. */
const mostWithoutNews = 3;

/** Goes round until nothing is missing. Answers with what is missing when some rounds in a row have brought nothing. */
export async function untilHeard(missing: () => readonly string[], round: () => Promise<void>): Promise<readonly string[]> {
  let left = missing();
  for (let quiet = 0; quiet < mostWithoutNews; quiet++) {
    const before = left.length;
    await round();
    left = missing();
    if (left.length === 0) break;
    if (left.length < before) quiet = -1;
  }
  return left;
}
