/** A model under whichever of its names it is asked for. Callers may name any, and a limit of a model is meant for all of them. */

/** Amazon's profiles, which send to the regions of a continent. */
const REGION = /^(?:us|us-gov|eu|apac|au|ca|jp|global)\.(?=[a-z0-9*]+\.)/;

/** `endpoint/model` without dates, regions, variants and Amazon's and Google's prefixes, in small letters. */
export function modelFamily(ref: string): string {
  const [endpoint = "", ...rest] = ref.trim().toLowerCase().split("/");
  if (rest.length === 0) return endpoint;
  const id = rest.join("/");
  const named = id.startsWith("arn:") ? id.slice(id.lastIndexOf("/") + 1) : id.replace(/^(?:publishers\/[^/]+\/)?models\//, "");
  const plain = named
    .replace(REGION, "")
    .replace(/:[a-z]+$/, "")
    .replace(/-v\d+(?::\d+)?(?=$)/, (version) => (version.includes(":") ? "" : version))
    .replace(/[-@]\d{4}-?\d{2}-?\d{2}$/, "")
    .replace(/-latest$/, "");
  return `${endpoint}/${plain}`;
}
