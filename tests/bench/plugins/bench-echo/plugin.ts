import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const Echo = Type.Object({ text: Type.String({ maxLength: 1_000 }), n: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });

/** Replaced in the bundle of each version that a bench installs. */
const build = "build-0";

const echo = defineMethod({
  name: "bench-echo.echo",
  summary: "Answers with what it was given.",
  scope: "operator.read",
  params: Echo,
  result: Echo,
});

const version = defineMethod({
  name: "bench-echo.version",
  summary: "Which version answers.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Type.Object({ build: Type.String() }),
});

export default definePlugin({
  setup(ctx) {
    ctx.method(echo, (params) => params);
    ctx.method(version, () => ({ build }));
  },
});
