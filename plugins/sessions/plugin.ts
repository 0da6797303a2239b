import { definePlugin } from "@pincer/plugin-sdk";
import { SessionsConfig } from "./config.ts";
import { registerReading } from "./reading.ts";
import { registerSubscribing } from "./subscribing.ts";
import { uses } from "./uses.ts";
import { registerWriting } from "./writing.ts";

export default definePlugin({
  config: SessionsConfig,
  uses,

  setup(ctx) {
    registerSubscribing(ctx, registerReading(ctx));
    registerWriting(ctx);
  },
});
