/** `skills.search` and `skills.detail`, in the wire's own shapes. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type TSchema, Type } from "@sinclair/typebox";
import { closed } from "./schema.ts";

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Text = Type.String({ minLength: 1 });

export const FoundSkill = closed({
  score: Type.Number(),
  slug: Text,
  /** What `skills.detail` and an installation are given. */
  installRef: Text,
  displayName: Text,
  summary: Type.Optional(Type.String()),
  version: Type.Optional(Text),
  updatedAt: Type.Optional(Type.Integer()),
});

export const skillsSearch = defineMethod({
  name: "skills.search",
  summary: "Looks for skills in the configured registries and ClawHub-compatible sites; without a query, what the sites have that is new.",
  scope: "operator.read",
  params: closed({ query: Type.Optional(Text), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
  result: closed({ results: Type.Array(FoundSkill) }),
});

export const skillsDetail = defineMethod({
  name: "skills.detail",
  summary: "What a registry or a ClawHub-compatible site says of one skill.",
  scope: "operator.read",
  params: closed({ slug: Text }),
  result: closed({
    skill: orNull(
      closed({
        slug: Text,
        displayName: Text,
        summary: Type.Optional(Type.String()),
        tags: Type.Optional(Type.Record(Type.String(), Type.String())),
        createdAt: Type.Integer(),
        updatedAt: Type.Integer(),
      }),
    ),
    latestVersion: Type.Optional(orNull(closed({ version: Text, createdAt: Type.Integer(), changelog: Type.Optional(Type.String()) }))),
    metadata: Type.Optional(
      orNull(
        closed({
          os: Type.Optional(orNull(Type.Array(Type.String()))),
          systems: Type.Optional(orNull(Type.Array(Type.String()))),
        }),
      ),
    ),
    owner: Type.Optional(orNull(closed({ handle: orNull(Text), displayName: orNull(Text) }))),
  }),
});
