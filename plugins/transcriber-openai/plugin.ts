import { definePlugin } from "@pincer/plugin-sdk";
import { transcriber } from "@pincer/plugin-sdk/contracts/transcriber";
import { TranscriberConfig } from "./config.ts";
import { createTranscribe, mimeTypes, modelOf } from "./transcribe.ts";

export default definePlugin({
  config: TranscriberConfig,

  setup(ctx) {
    const label = "OpenAI's transcription API";
    ctx.provide(
      transcriber,
      "openai",
      { label, mimeTypes: [...mimeTypes] },
      {
        transcribe: createTranscribe(ctx),
        model: async () => ({ model: modelOf(ctx.config) }),
      },
    );
  },
});
