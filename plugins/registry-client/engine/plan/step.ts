/** One thing that a plan comes to. */
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { PackageName } from "@pincer/registry/name";
import type { LockEntry } from "../home/lock.ts";
import type { Embedded } from "../package/embedded.ts";

export type Step =
  | {
      readonly do: "place";
      readonly name: PackageName;
      readonly entry: LockEntry;
      /** Absent when the version lies there already. */
      readonly files?: readonly ArchiveEntry[];
      /** Signed anew since its key was revoked, which somebody has said yes to: no word keeps it from being run any more. */
      readonly isSigned?: true;
      /** The lock stays as it is to the letter. */
      readonly isFrozen?: true;
    }
  | {
      readonly do: "enable";
      readonly plugin: Embedded;
      readonly entry: LockEntry;
      readonly isFrozen?: true;
      /** What it needs of others is had again. */
      readonly isMended?: true;
    }
  | { readonly do: "disable"; readonly plugin: Embedded; readonly data: boolean }
  | { readonly do: "remove"; readonly name: PackageName; readonly data: boolean; readonly manifest: Manifest | undefined }
  /** What a plugin kept that was removed before. */
  | { readonly do: "forget"; readonly id: string }
  | { readonly do: "nothing" };

export type StepOf<D extends Step["do"]> = Extract<Step, { do: D }>;
