/** Words and patterns in a text, looked for in a time that grows as the text does. */

const word = /[\p{L}\p{M}\p{N}_]+/gu;

/** The words of a text between single spaces, in small letters and however they were typed, so that a phrase is found as a part of it. */
export const wordsOf = (text: string): string => ` ${(text.normalize("NFKC").toLowerCase().match(word) ?? []).join(" ")} `;

const mostRemembered = 2_000;

/** Made once for each text that stands in the configuration. */
function remembered<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const there = known.get(text) ?? make(text);
    if (known.size >= mostRemembered) known.clear();
    known.set(text, there);
    return there;
  };
}

const phraseOf = remembered(wordsOf);

/** The first of these words or phrases that stands there; a phrase of signs alone is none. */
export const firstWord = (words: string, wanted: readonly string[]): string | undefined =>
  wanted.find((phrase) => {
    const plain = phraseOf(phrase);
    return plain.length > 2 && words.includes(plain);
  });

const compiled = remembered((pattern) => new RegExp(pattern));

/** Of a pattern that the configuration's schema has let through: a regular expression, and a quick one. */
export const matches = (pattern: string, text: string): boolean => compiled(pattern).test(text);
