/** The forms in which a credential can turn up in a text, and a text without them. */

/** Shorter ones are words: what people write where a server wants none. */
const LEAST = 8;
/** So much of a form's beginning is the form: a text may have been cut in it. */
const BEGINNING = 12;

const PLACE = "…";

/** As it is; as part of an address, a form or JSON; in hexadecimal; in Base64, at each of the three places that it may have among other bytes. */
export function spokenForms(secret: string): readonly string[] {
  if (secret.length < LEAST) return [];
  const bytes = Buffer.from(secret);
  const escaped = encodeURIComponent(secret);
  const encoded = [0, 1, 2].flatMap((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]);
    // What shares a character with what stands beside it differs each time.
    const inner = (text: string) => text.slice([0, 2, 3][before], all.length % 3 === 0 ? text.length : -1);
    return [inner(all.toString("base64").replace(/=+$/, "")), inner(all.toString("base64url"))];
  });
  const forms = [
    secret,
    escaped,
    escaped.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    new URLSearchParams([["", secret]]).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    secret.replace(/\s+/g, " ").trim(),
    bytes.toString("hex"),
    ...encoded,
  ];
  return [...new Set(forms)].filter(({ length }) => length >= LEAST);
}

/** `text` with a mark in the place of each form, and of each beginning of one. */
export const withoutForms = (text: string, forms: Iterable<string>): string => {
  let left = text;
  for (const form of forms) {
    const beginning = form.slice(0, BEGINNING);
    for (let at = left.indexOf(beginning); at >= 0; at = left.indexOf(beginning, at + PLACE.length)) {
      let end = at + beginning.length;
      while (end - at < form.length && left[end] === form[end - at]) end++;
      left = `${left.slice(0, at)}${PLACE}${left.slice(end)}`;
    }
  }
  return left;
};
