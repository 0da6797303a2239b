/** Cuts between what a reader sees as characters. */

/** Made when first needed, since it takes 2 ms. */
let segmenter: Intl.Segmenter | undefined;

function* graphemes(text: string): Generator<string> {
  if (/^[\x20-\x7e]*$/.test(text)) yield* text;
  else {
    segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
    for (const { segment } of segmenter.segment(text)) yield segment;
  }
}

/** Longer than this a text is not weighed one grapheme at a time. */
const FINE = 65_536;

/**
 * The text in pieces that `fits` takes, of one grapheme each; of several where the text is so long that the waste at the end of a part does
 * not matter. A grapheme that does not fit is cut between its code points.
 * @param room in a message, of which no character takes more than 16.
 */
export function* cutToFit(text: string, room: number, fits: (piece: string) => boolean): Generator<string> {
  const wanted = text.length > FINE ? Math.max(1, Math.floor(room / 64)) : 1;
  let piece = "";
  for (const grapheme of graphemes(text)) {
    if (piece.length + grapheme.length <= wanted) piece += grapheme;
    else {
      if (piece !== "") yield piece;
      piece = grapheme;
      if (grapheme.length * 16 > room && !fits(grapheme)) {
        yield* grapheme;
        piece = "";
      }
    }
  }
  if (piece !== "") yield piece;
}
