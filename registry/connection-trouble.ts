/** Why a server cannot be asked, in words that say what a person can look at. */

const noWay = "there is no way to it from here: is this machine online?";
const unknownIssuer = "its certificate is signed by nobody whom this machine knows: NODE_EXTRA_CA_CERTS=<file> names who signs it";

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at that address: does the server run, and is the port right?",
  ECONNRESET: "breaks off before all has come: does the server speak http:// there, or https://?",
  ENOTFOUND: "nobody knows a machine of that name: is it spelt right, and is this machine online?",
  EAI_AGAIN: "its name cannot be looked up: is this machine online?",
  EHOSTUNREACH: noWay,
  ENETUNREACH: noWay,
  ETIMEDOUT: "it does not answer: can it be reached from here, past every firewall?",
  EPROTO: "it does not speak TLS there: is the address one of http://, or the port another?",
  CERT_HAS_EXPIRED: "its certificate has expired: whoever runs it renews it",
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is of another name: is the address the right one?",
};

/** As a sentence behind its address. */
export function connectionTrouble(error: unknown): string {
  const { code, message = String(error) } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  return words[String(code)] ?? `breaks off: ${message}`;
}
