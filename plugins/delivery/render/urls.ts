/** Which addresses become links. */

const SAFE = /^(?:https?:\/\/[^/]|mailto:[^\s]|tel:[+\d])/i;

/** No blanks, no delimiter of any markup, nothing that a platform takes for a mention. */
const encoded = (url: string) =>
  url
    .replace(/[\s<>"'`\\^{|}()*~]/gu, (char) =>
      /[()'*~]/.test(char) ? `%${char.charCodeAt(0).toString(16).toUpperCase()}` : encodeURIComponent(char),
    )
    .replace(/@(?=everyone|here|channel|all|room)/gi, "%40");

/** The address as a link can carry it; undefined where it must stay text, such as a script or a file. */
export function linkTarget(address: string, label: string): string | undefined {
  let url = address.trim();
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) {
    if (/^www\./i.test(url)) url = `http://${url}`;
    else if (url === label.trim() && /^[^\s@/]+@[^\s@/]+$/.test(url)) url = `mailto:${url}`;
  }
  return SAFE.test(url) && url.length <= 2_000 ? encoded(url) : undefined;
}

const bare = (address: string) =>
  address
    .trim()
    .replace(/^(?:https?:\/\/|mailto:)/i, "")
    .replace(/\/$/, "");

/** The label is the address itself. */
export const isBare = (url: string, label: string): boolean => bare(url) === bare(label) || url === linkTarget(label, label);

/** A label that looks like an address other than the one behind it. */
export const isDeceptive = (url: string, label: string): boolean =>
  /^\s*(?:[a-z][a-z0-9+.-]*:\/\/|www\.|[\w-]+(?:\.[\w-]+)+\/)/i.test(label) && !isBare(url, label);
