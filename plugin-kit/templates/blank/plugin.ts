import { definePlugin } from "@pincer/plugin-sdk";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const errors = defineErrors({
  MY_PLUGIN_NAMELESS: { message: "a greeting needs a name", wire: "INVALID_REQUEST" },
});

const greet = defineMethod({
  name: "my-plugin.greet",
  summary: "Greets somebody by name.",
  // Who may call it; there is no default.
  scope: "operator.write",
  params: Type.Object({ name: Type.String() }, { additionalProperties: false }),
  result: Type.Object({ greeting: Type.String(), greeted: Type.Integer() }),
});

export default definePlugin({
  // What an operator may set under plugins.my-plugin.config. Every key has a default or is optional.
  config: Type.Object({
    greeting: Type.String({ default: "Hello", minLength: 1, description: "The word before the name" }),
  }),

  // Registers, and does nothing yet: it also runs while the manifest is built.
  setup(ctx) {
    ctx.method(greet, async ({ name }) => {
      if (name.trim() === "") throw errors.MY_PLUGIN_NAMELESS();
      const greeted = ((await ctx.store.get<number>("greeted")) ?? 0) + 1;
      await ctx.store.set({ greeted });
      return { greeting: `${ctx.config.greeting}, ${name}!`, greeted };
    });
    ctx.health(async () => ({ ok: true, detail: `${(await ctx.store.get<number>("greeted")) ?? 0} greeted` }));
  },
});
