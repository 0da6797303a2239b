/** Signature Version 4 of AWS, checked by the book and by nothing of AWS's library. */
import { createHash, createHmac } from "node:crypto";

export interface Signed {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export interface Account {
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const LONGEST_SKEW_MS = 15 * 60_000;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** What is wrong with a request's signature, in AWS's words for it; `undefined` when nothing is. */
export function faultOf(
  request: Signed,
  { service, region, accounts, now }: { service: string; region: string; accounts: Readonly<Record<string, Account>>; now: number },
): { readonly type: string; readonly message: string } | undefined {
  const { method, path, headers, body } = request;
  const invalid = (message: string) => ({ type: "InvalidSignatureException", message });
  const [, id = "", day = "", where = "", what = "", names = "", given = ""] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.get("authorization") ?? "",
    ) ?? [];
  if (id === "") return { type: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };
  const account = accounts[id];
  if (!account || headers.get("x-amz-security-token") !== (account.sessionToken ?? null))
    return { type: "UnrecognizedClientException", message: "The security token included in the request is invalid." };
  if (where !== region || what !== service) return invalid(`Credential should be scoped to ${region}/${service}, came ${where}/${what}.`);
  const date = headers.get("x-amz-date") ?? "";
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!date.startsWith(day) || !(Math.abs(now - at) < LONGEST_SKEW_MS)) return invalid(`Signature expired: ${date}`);
  const digest = sha256(body);
  if (headers.get("x-amz-content-sha256") !== null && headers.get("x-amz-content-sha256") !== digest)
    return invalid("The body is another one.");
  const signed = names.split(";");
  for (const needed of ["host", "x-amz-date", ...(account.sessionToken === undefined ? [] : ["x-amz-security-token"])])
    if (!signed.includes(needed)) return invalid(`'${needed}' must be a 'SignedHeader' in the AWS Authorization.`);
  const [resource = "", query = ""] = path.split("?");
  const canonical = [
    method,
    // Escaped as it was sent, and once more.
    resource.split("/").map(escaped).join("/"),
    [...new URLSearchParams(query)]
      .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
      .toSorted()
      .join("&"),
    ...signed.map((name) => `${name}:${(headers.get(name) ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names,
    digest,
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (made, part) => hmac(made, part),
    `AWS4${account.secretAccessKey}`,
  );
  return hmac(key, text).toString("hex") === given
    ? undefined
    : invalid("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key.");
}
