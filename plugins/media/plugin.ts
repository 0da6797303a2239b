import { definePlugin } from "@pincer/plugin-sdk";
import { media } from "@pincer/plugin-sdk/contracts/media";
import { MediaConfig } from "./config.ts";
import { createPrepare } from "./prepare.ts";
import { uses } from "./recordings.ts";

export default definePlugin({
  config: MediaConfig,
  uses,

  setup(ctx) {
    ctx.provide(media, "media", {}, { prepare: createPrepare(ctx) });
  },
});
