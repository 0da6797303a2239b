/** A model under whichever of its names it is asked for. Callers may name any, and a limit of a model is meant for all of them. */

/** Amazon's profiles, which send to the regions of a continent. */
const REGION = /^(?:us|us-gov|eu|apac|au|ca|jp|global)\.(?=[a-z0-9*]+\.)/;

/** A day (`2026-03-01`, `20260301`, `0613`), a month (`2611`, `09-2026`), or the number of a version (`001`). */
const DATE = /[-@](?:\d{4}-?\d{2}-?\d{2}|\d{2}-20\d{2}|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|2[3-9](?:0[1-9]|1[0-2])|00\d)$/;
/** Before a model is its vendor's last word, also with a day of that. */
const STAGE = /-(?:preview|exp)(?:-\d{2}-\d{2})?$/;

/** `endpoint/model` without dates, regions, stages, variants and Amazon's and Google's prefixes, in small letters. */
export function modelFamily(ref: string): string {
  const [endpoint = "", ...rest] = ref.trim().toLowerCase().split("/");
  if (rest.length === 0) return endpoint;
  const id = rest.join("/");
  const named = id.startsWith("arn:") ? id.slice(id.lastIndexOf("/") + 1) : id.replace(/^(?:publishers\/[^/]+\/)?models\//, "");
  const plain = named
    .replace(REGION, "")
    .replace(/:[a-z]+$/, "")
    .replace(/-v\d+:\d+(?::\d+[a-z]?)?$/, "")
    .replace(DATE, "")
    .replace(STAGE, "")
    .replace(DATE, "")
    .replace(/-latest$|@default$/, "");
  return `${endpoint}/${plain}`;
}
