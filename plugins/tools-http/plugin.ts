import { definePlugin } from "@pincer/plugin-sdk";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import { ToolsHttpConfig } from "./config.ts";
import { forbidden, InvokeFailure, invalid, notFound } from "./failure.ts";
import { prepare, readInvocation, requireAllowed } from "./invocation.ts";
import { createOnce, invokeJob } from "./once.ts";
import { runTool } from "./run-tool.ts";
import { uses } from "./uses.ts";

export default definePlugin({
  config: ToolsHttpConfig,
  uses,

  setup(ctx) {
    const once = createOnce(ctx);
    ctx.job(invokeJob, once.handle);

    const invoke = async (request: Request): Promise<Response> => {
      const scopes = knownScopes((request.headers.get("x-pincer-scopes") ?? "").split(","));
      if (!allows(scopes, "operator.write")) throw forbidden("this needs the scope operator.write");
      const { signal } = request;
      const invocation = await readInvocation(request);
      const prepared = await prepare(ctx, invocation, `http_${crypto.randomUUID()}`, signal);
      const { idempotencyKey } = invocation;
      if (idempotencyKey === undefined) await requireAllowed(ctx, prepared, signal);
      const { outcome, content, details } =
        idempotencyKey === undefined
          ? await runTool(ctx, prepared, signal)
          : await once.run(request.headers.get("x-pincer-principal") ?? "", idempotencyKey, prepared, signal);
      const result = { content, ...(details === undefined ? {} : { details }), ...(outcome === "ok" ? {} : { isError: true }) };
      return Response.json({ ok: true, result });
    };

    ctx.route("/tools", { access: "token" }, async (request) => {
      const { pathname } = new URL(request.url);
      try {
        if (pathname !== "/tools/invoke") throw notFound(`nothing is served at ${pathname}`);
        if (request.method !== "POST")
          return new Response("Method Not Allowed", { status: 405, headers: { allow: "POST", "content-type": "text/plain" } });
        return await invoke(request);
      } catch (error) {
        if (error instanceof InvokeFailure) return error.response;
        if (isGatewayError(error) && error.wire === "INVALID_REQUEST") return invalid(error.message).response;
        throw error;
      }
    });
  },
});
