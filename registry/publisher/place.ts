/** A registry that somebody changes from here, who has the keys: a folder, or a server. What is signed is signed before it comes to either. */
import type { PackageName } from "../name.ts";
import type { Staged, StagedRole } from "../repository/staged.ts";
import type { Finding } from "../scan/finding.ts";
import type { RegistrySource } from "../source.ts";
import type { Signer } from "../trust/key.ts";
import type { Metadata } from "../trust/metadata.ts";
import type { Owner } from "../trust/owner.ts";
import type { Statement, Transfer } from "../trust/statement.ts";

/** Who sends it: a key, or a token for which a key need not be shown. */
export interface Sender {
  readonly signer: Signer;
  readonly token?: string | undefined;
}

/** What a registry has of a publisher. */
export interface Registered {
  /** Undefined for one whose names are all another's by now. */
  readonly owner: Owner | undefined;
  /** What was signed last; undefined before the first release. */
  readonly list: Metadata<"targets"> | undefined;
  /** Paths of releases in it whose names are another's by now: the next list is without them. */
  readonly handedOver: readonly string[];
}

export interface Owned {
  readonly publisher: string;
  readonly owner: Owner;
  /** What its publisher wants, signed, until somebody takes it or it expires. */
  readonly offer: Statement<Transfer> | undefined;
}

/** What came of a publication. */
export interface Sent {
  readonly released: readonly {
    readonly kind: string;
    readonly id: string;
    readonly version: string;
    readonly sha256: string;
    readonly findings: readonly Finding[];
  }[];
  readonly claimed: readonly PackageName[];
}

export interface Submission {
  readonly publisher: string;
  /** Signed. */
  readonly list: Uint8Array<ArrayBuffer>;
  /** Of a publisher who is new there. */
  readonly newcomer: Owner | undefined;
  /** Those that are new in the list, by path. */
  readonly archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** By path, what a scan found in them: for a folder, where no server looks. */
  readonly findings: ReadonlyMap<string, readonly Finding[]>;
}

/** Everything throws what the registry refuses, by its code, and `Unanswered` where it may be tried again. */
export interface RegistryPlace {
  /** For people: as it was typed. */
  readonly name: string;
  readonly source: RegistrySource;
  /** Undefined when nothing is known of that publisher. */
  publisher(publisher: string): Promise<Registered | undefined>;
  /** Undefined when the name is nobody's. */
  owned(name: PackageName): Promise<Owned | undefined>;
  publish(submission: Submission, by: Sender): Promise<Sent>;
  /** Says that the name shall be another publisher's. */
  offer(name: PackageName, statement: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Takes what was offered, with a list that has all its releases. */
  take(name: PackageName, submission: Omit<Submission, "archives" | "findings">, by: Sender): Promise<void>;
  /** Other keys for a publisher; `statement`: the founders' word, where the keys of before have not signed the list too. */
  rekey(
    publisher: string,
    owner: Owner,
    list: Uint8Array<ArrayBuffer>,
    statement: Uint8Array<ArrayBuffer> | undefined,
    by: Sender,
  ): Promise<void>;
  /** What the founders have signed; answers with the roles that are new. */
  apply(staged: Staged): Promise<readonly StagedRole[]>;
}
