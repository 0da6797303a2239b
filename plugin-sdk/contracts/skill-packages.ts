/** Installs and updates skills that others have published, for whoever asks in a gateway. Nothing is installed that would need a yes of its own. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

const Text = Type.String({ minLength: 1 });

/** What somebody has changed in it since it was installed is written over; absent: that needs a yes, or a false of an upload's own. */
const force = Type.Optional(Type.Boolean());

export const PlacedSkill = Type.Object({
  name: Text,
  version: Text,
  /** In which it lies. */
  folder: Text,
  /** The version that it has taken the place of; absent: it is new here. */
  before: Type.Optional(Text),
  /** False: it was so already. */
  changed: Type.Boolean(),
  /** What there is to know of it, a sentence each. */
  notices: Type.Array(Type.String()),
});
export type PlacedSkill = Static<typeof PlacedSkill>;

export const skillPackages = defineContract({
  id: "skill-packages",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** `reference`: as `skills.search` answers it, `weather`, `@ada/weather`, `registry:home/weather`. Throws `REGISTRY_CLIENT_CONSENT_NEEDED` with the plan. */
    install: call(Type.Object({ reference: Text, version: Type.Optional(Text), force }), PlacedSkill),
    /** What `skills.upload.commit` has brought to an end. Throws the same. */
    installUpload: call(Type.Object({ uploadId: Text, name: Text, sha256: Type.Optional(Text), force }), PlacedSkill),
    /** One, or all that are not pinned. Of each, what was done, or why not. */
    update: call(
      Type.Object({ name: Type.Optional(Text), force }),
      Type.Object({
        results: Type.Array(Type.Union([PlacedSkill, Type.Object({ name: Text, refused: Text })])),
      }),
    ),
  },
});
