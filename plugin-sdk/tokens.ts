/** Texts that prove something: made, keyed, and compared. */

/** 32 random bytes, base64url. */
export const randomToken = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");

/** HMAC with SHA-256 over the parts, none of which can pass for another's end; base64url. */
export const keyed = (key: Uint8Array, ...parts: readonly string[]): string =>
  new Bun.CryptoHasher("sha256", key).update(JSON.stringify(parts)).digest("base64url");

const sha256 = (text: string): Buffer => Bun.CryptoHasher.hash("sha256", text);

/** Compares in a time that says nothing about where two texts differ. */
export const sameSecret = (left: string, right: string): boolean => crypto.timingSafeEqual(sha256(left), sha256(right));

/** Whether it is at least half as long as a token of ours: no number of guesses finds one that was made by chance. */
export const isUnguessable = (secret: string | undefined): boolean => secret !== undefined && secret.length >= 32;
