import { definePlugin } from "@pincer/plugin-sdk";
import { pluginHost, plugins } from "@pincer/plugin-sdk/contracts/plugin-host";
import { defineErrors } from "@pincer/plugin-sdk/error";
import * as methods from "./methods.ts";
import { top } from "./top.ts";
import { entryOf, inspected, statusOf } from "./views.ts";

const controlErrors = defineErrors({
  PLUGIN_CONTROL_ITSELF: { message: "nobody could enable it again", wire: "INVALID_REQUEST" },
});

export default definePlugin({
  uses: { plugins, pluginHost },

  setup(ctx) {
    const one = async (id: string, io: { readonly signal: AbortSignal }) => (await ctx.uses.plugins.list({ id }, io)).plugins[0]!;

    ctx.method(methods.pluginsList, async (_params, io) => ({
      plugins: (await ctx.uses.plugins.list({}, io)).plugins.map(entryOf),
      diagnostics: [],
      mutationAllowed: true,
    }));

    ctx.method(methods.pluginsInspect, async ({ pluginId }, io) => inspected(await one(pluginId, io)));

    ctx.method(methods.pluginsSetEnabled, async ({ pluginId, enabled }, io) => {
      if (pluginId === ctx.id && !enabled)
        throw controlErrors.PLUGIN_CONTROL_ITSELF(
          `${ctx.id} would be disabled, and could not enable itself again: set plugins.${ctx.id}.enabled in the configuration if you mean it`,
        );
      if (!enabled) await one(pluginId, io);
      await ctx.uses.pluginHost.setEnabled({ id: pluginId, enabled }, io);
      return { ok: true as const, plugin: entryOf(await one(pluginId, io)), restartRequired: false };
    });

    ctx.method(methods.pluginsStatus, async ({ pluginId: id }, io) => {
      const { plugins, gateway } = await ctx.uses.plugins.list(id === undefined ? {} : { id }, io);
      return { plugins: plugins.map((info) => ({ ...statusOf(info), ...(id && info.manifest && { manifest: info.manifest }) })), gateway };
    });

    ctx.command({ name: "plugins top", summary: "What each plugin does and takes of the machine", usage: "[seconds]" }, (args, io) =>
      top(args, io, ctx.clock),
    );

    ctx.method(methods.pluginsRefresh, async (_params, io) => {
      await ctx.uses.pluginHost.refresh({}, io);
      return { ok: true as const };
    });

    ctx.method(methods.pluginsReload, async ({ pluginId }, io) => ({
      ok: true as const,
      pluginId,
      ...(await ctx.uses.pluginHost.reload({ id: pluginId }, io)),
    }));
  },
});
