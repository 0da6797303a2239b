import { definePlugin } from "@pincer/plugin-sdk";
import { createAgents, type Listeners } from "./agent-stream.ts";
import { responseJob } from "./background.ts";
import { ApiConfig } from "./config.ts";
import { chatEvent } from "./gateway-methods.ts";
import { InFlight } from "./in-flight.ts";
import { createPaths } from "./paths.ts";
import { Responses } from "./responses.ts";
import { createResponseStore } from "./responses-store.ts";
import { uses } from "./uses.ts";

export default definePlugin({
  config: ApiConfig,
  uses,

  setup(ctx) {
    const listeners: Listeners = new Map();
    ctx.on(chatEvent, (payload) => listeners.get(payload.runId)?.(payload));
    const agents = createAgents(ctx, listeners);
    const desk = { ctx, agents, inFlight: new InFlight(ctx, "calls"), readers: new InFlight(ctx, "readers") };
    const responses = new Responses(desk, createResponseStore(ctx));
    ctx.job(responseJob, responses.background.run);
    ctx.route("/v1", { access: "token" }, createPaths(desk, responses));
  },
});
