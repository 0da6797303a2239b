/** How both directions are signed: HMAC-SHA256 over the time and the body as it is on the wire, so that neither can be changed or kept for later. */
import { createHmac, timingSafeEqual } from "node:crypto";

export const TIMESTAMP = "pincer-timestamp";
export const SIGNATURE = "pincer-signature";

/** How far the clocks of the two may be apart, the way included. */
export const TOLERANCE_SECONDS = 300;

const digest = (secret: string, seconds: string, body: Uint8Array): Buffer =>
  createHmac("sha256", secret).update(`${seconds}.`).update(body).digest();

/** `now`: epoch milliseconds. */
export function signed(secret: string, now: number, body: Uint8Array): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(now / 1000));
  return { [TIMESTAMP]: seconds, [SIGNATURE]: `v1=${digest(secret, seconds, body).toString("hex")}` };
}

/** Why a request is not believed; undefined when it is. */
export function distrust(secret: string, now: number, headers: Headers, body: Uint8Array): string | undefined {
  const seconds = headers.get(TIMESTAMP) ?? "";
  if (!/^\d{1,12}$/.test(seconds)) return `expected the time in seconds since 1970 in ${TIMESTAMP}, came "${seconds.slice(0, 20)}"`;
  const given = headers.get(SIGNATURE) ?? "";
  const right = digest(secret, seconds, body);
  // Several while a secret is replaced: one that fits is enough.
  const isRight = given.split(",").some((one) => {
    const hex = /^v1=([0-9a-f]{64})$/.exec(one.trim())?.[1];
    return hex !== undefined && timingSafeEqual(Buffer.from(hex, "hex"), right);
  });
  if (!isRight) return `expected v1=<HMAC-SHA256 of "<${TIMESTAMP}>.<body>" in hex> in ${SIGNATURE}, made with the account's secret`;
  const apart = Math.round(now / 1000 - Number(seconds));
  if (Math.abs(apart) <= TOLERANCE_SECONDS) return undefined;
  return `the request was signed ${Math.abs(apart)} s ${apart > 0 ? "ago" : "in the future"}, at most ${TOLERANCE_SECONDS} s are taken: look at the clock of whoever calls`;
}
