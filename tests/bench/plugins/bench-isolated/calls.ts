import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { Type } from "@sinclair/typebox";

/** As the arguments of tools are. */
const Sample = Type.Object({
  session: Type.String(),
  text: Type.String(),
  n: Type.Integer(),
  flags: Type.Object({
    quiet: Type.Boolean(),
    limit: Type.Union([Type.Integer(), Type.Null()]),
    lines: Type.Array(Type.Integer()),
  }),
  id: Type.String(),
});

export const calls = defineContract({
  id: "bench-calls",
  version: 1,
  arity: "one",
  record: Type.Object({}),
  members: {
    echo: call(Sample, Sample),
    count: stream(Type.Object({ until: Type.Integer() }), Type.Object({ n: Type.Integer() }), Type.Object({ last: Type.Integer() })),
  },
});
