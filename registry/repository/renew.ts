/** What is signed anew before it expires, and by whom: a registry of which nobody does that stops counting. */
import type { Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, signMetadata } from "../trust/metadata.ts";
import { requireSigned } from "../trust/verify.ts";
import { currentRoot, type Roles } from "./current.ts";
import type { RepositoryFiles } from "./files.ts";
import { lives, unsigned } from "./lifetime.ts";

/** What runs out while the keys that it needs are elsewhere. */
export interface Expiring {
  readonly role: string;
  readonly expires: string;
}

export interface Renewal {
  readonly renewed: readonly string[];
  readonly expiring: readonly Expiring[];
}

/** That much of its life has passed before something is signed anew. */
const worn = 2 / 3;
/** Whether a role should be signed anew by now. */
export const isDue = (role: string, expires: string, now: () => number): boolean =>
  now() >= Date.parse(expires) - lifeOf(role) * (1 - worn);

const own: Readonly<Record<string, number>> = {
  ...{ root: lives.root, targets: lives.targets, revocations: lives.revocations, snapshot: lives.snapshot, timestamp: lives.timestamp },
};
const lifeOf = (role: string): number => own[role] ?? (role.startsWith("publisher-") ? lives.publisher : lives.names);

interface Renew {
  readonly files: RepositoryFiles;
  readonly roles: Roles;
  /** All that there are. */
  readonly names: readonly string[];
  readonly signers: readonly Signer[];
  readonly now: () => number;
}

/** What of it these keys can sign is signed; the root is not among that, which needs its founders together (`stage`). */
export function renewed({ files, roles, names, signers, now }: Renew): Renewal & { readonly changed: ReadonlyMap<string, Uint8Array> } {
  const root = currentRoot(files);
  const changed = new Map<string, Uint8Array>();
  const expiring: Expiring[] = [];
  if (isDue("root", root.signed.expires, now)) expiring.push({ role: "root", expires: root.signed.expires });
  for (const role of names) {
    const { signed } = roles(role)!;
    if (!isDue(role, signed.expires, now)) continue;
    const bytes = signedBy(role, { ...signed, ...unsigned("targets", signed.version + 1, lifeOf(role), now) }, signers, root, roles);
    if (bytes) changed.set(role, bytes);
    else expiring.push({ role, expires: signed.expires });
  }
  return { changed, renewed: [...changed.keys()], expiring };
}

/** Undefined when these keys do not suffice. */
function signedBy(
  role: string,
  signed: Metadata<"targets">["signed"],
  signers: readonly Signer[],
  root: Metadata<"root">,
  roles: Roles,
): Uint8Array | undefined {
  // What a publisher has said, only that publisher says again.
  if (role.startsWith("publisher-")) return undefined;
  const delegator = role === "targets" ? root : roles("targets")!;
  const allowed =
    delegator.signed._type === "root"
      ? delegator.signed.roles.targets.keyids
      : delegator.signed.delegations!.roles.find(({ name }) => name === role)!.keyids;
  const able = signers.filter(({ id }) => allowed.includes(id));
  const bytes = signMetadata(signed, able);
  try {
    requireSigned(delegator, role, parseMetadata("targets", role, bytes));
    return bytes;
  } catch {
    // silent-ok: that they are too few is the answer
    return undefined;
  }
}
