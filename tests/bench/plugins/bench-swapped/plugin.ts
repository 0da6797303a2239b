/** What is replaced under load: a method that is called, and a say in every turn. */
import { definePlugin } from "@pincer/plugin-sdk";
import { modelCalling } from "@pincer/plugin-sdk/hooks";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const Echo = Type.Object({ text: Type.String({ maxLength: 1_000 }), n: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });

/** Replaced in the bundle of each version that a bench installs. */
const build = "build-0";

const echo = defineMethod({
  name: "bench-swapped.echo",
  summary: "Answers with what it was given.",
  scope: "operator.read",
  params: Echo,
  result: Echo,
});

const version = defineMethod({
  name: "bench-swapped.version",
  summary: "Which version answers, and how many turns it has let pass.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Type.Object({ build: Type.String(), turns: Type.Integer() }),
});

export default definePlugin({
  setup(ctx) {
    let turns = 0;
    ctx.method(echo, (params) => params);
    ctx.method(version, () => ({ build, turns }));
    ctx.hook(modelCalling, () => {
      turns++;
      return { allow: true as const };
    });
  },
});
