/** What would be done, in full, before anything is: shown to a person, and compared with what is done when he has said yes. */
import { createHash } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { Notice } from "../../notice.ts";
import { closed, one } from "../../schema.ts";
import { ModelText, PermissionEntry, Reads, ShownPublisher } from "../package/description.ts";

const Text = Type.String();
const Name = Type.String({ minLength: 1, maxLength: 1_000 });
const Names = Type.Array(Name, { minItems: 1, maxItems: 100 });

/** What is asked for. */
export const Request = Type.Union([
  /** As they are typed: `telegram`, `weather@1.2.0`, `npm:some-plugin`, `/folder`. `kind`: of a bare name; absent: a plugin where there is one of that name, else a skill; skills: nothing else. */
  closed({ do: Type.Literal("install"), packages: Names, kind: Type.Optional(one("plugins", "skills")) }),
  /** Absent: all that are not pinned, or all of that kind. */
  closed({ do: Type.Literal("update"), packages: Type.Optional(Names), kind: Type.Optional(one("plugins", "skills")) }),
  /** `data`: also what it kept. */
  closed({ do: Type.Literal("remove"), packages: Names, data: Type.Optional(Type.Boolean()) }),
  closed({ do: Type.Literal("rollback"), packages: Names }),
  /** Exactly what `pincer.lock` says. `mend`: also in the place of what somebody has changed. */
  closed({ do: Type.Literal("restore"), mend: Type.Optional(Type.Boolean()) }),
  /** The skills that the lock names, and no plugin; with `lock`, the file of another gateway, also those that this one names. */
  closed({ do: Type.Literal("sync"), lock: Type.Optional(Name) }),
]);
export type Request = Static<typeof Request>;

export const PlanItem = closed({
  kind: one("plugins", "skills"),
  id: Text,
  action: one("install", "enable", "update", "rollback", "remove", "disable", "restore", "keep"),
  summary: Text,
  from: Type.Optional(Text),
  to: Type.Optional(Text),
  /** Where it comes from, for people. */
  source: Text,
  /** Of its files, in bytes. */
  size: Type.Optional(Type.Integer()),
  files: Type.Optional(Type.Integer()),
  /** SHA-256 of the deterministic archive of its files. */
  digest: Type.Optional(Text),
  /** Third-party packages that it brings, by its own lock. */
  dependencies: Type.Optional(Type.Integer()),
  publisher: Type.Optional(ShownPublisher),
  /** Everything that it may do. */
  permissions: Type.Array(PermissionEntry),
  /** Of these, what the version before may not; and what that may, and this one no longer. */
  gained: Type.Array(Text),
  lost: Type.Array(Text),
  modelText: Type.Array(ModelText),
  reads: Type.Optional(Reads),
  /** Of a skill: what there must be where it is used, for people. */
  requires: Type.Optional(Type.Array(Text)),
  notices: Type.Array(Notice),
  /** What a yes to everything does not cover: each is accepted by these very words. */
  needs: Type.Array(Text),
});
export type PlanItem = Static<typeof PlanItem>;

export const Plan = closed({
  items: Type.Array(PlanItem),
  /** Of exactly this plan. */
  token: Text,
});
export type Plan = Static<typeof Plan>;

export const Outcome = closed({
  done: Type.Array(
    closed({
      kind: one("plugins", "skills"),
      id: Text,
      action: PlanItem.properties.action,
      version: Type.Optional(Text),
      /** What is to be known or done now. */
      next: Type.Optional(Text),
    }),
  ),
});
export type Outcome = Static<typeof Outcome>;

/** `of`: further state that it depends on, and that is not shown. */
export const planOf = (items: readonly PlanItem[], of: unknown): Plan => ({
  items: [...items],
  token: createHash("sha256")
    .update(JSON.stringify([items, of]))
    .digest("hex"),
});
