/** Other keys for a registry in one step, for tests that have all of them at hand. */
import { applyStaged } from "../repository/apply.ts";
import type { Authority } from "../repository/create.ts";
import { currentRoles, currentRoot } from "../repository/current.ts";
import { repositoryFiles } from "../repository/files.ts";
import { stage } from "../repository/stage.ts";
import { signStaged } from "../repository/staged.ts";
import type { Signer } from "../trust/key.ts";

export interface RotateOptions {
  readonly next: Authority & { readonly online: Signer };
  readonly signers: readonly Signer[];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Answers with the new root. Throws as `applyStaged`. */
export function rotateRoot(folder: string, { next, signers, now }: RotateOptions): Uint8Array {
  const files = repositoryFiles(folder);
  const roles = currentRoles(files);
  const signed = { root: currentRoot(files), targets: roles("targets")!, revocations: roles("revocations")! };
  const staged = stage(signed, { next, renew: ["root"], now });
  applyStaged(folder, signStaged(staged, [...signers, next.online]), { online: next.online, now });
  return files.read(`metadata/${signed.root.signed.version + 1}.root.json`)!;
}
