/** A short code that people read out and type, to say which request they mean. It gives no right by itself. */

/** No two that are taken for each other, on a screen or in somebody's hand: 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V. */
const letters = "ACDEFGHJKMNPRTUWXY34679";
const length = 8;

/** Bytes from here on would make the first letters more likely. */
const even = 256 - (256 % letters.length);

export function newCode(): string {
  let code = "";
  while (code.length < length) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < even) code += letters[byte % letters.length];
  }
  return code;
}

/** As people type it: in small letters, with a dash or a space. */
export const typedCode = (text: string): string => text.toUpperCase().replace(/[\s-]/g, "");
