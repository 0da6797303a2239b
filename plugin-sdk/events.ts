/** Events of the kernel's own that plugins may listen to. */
import { Type } from "@sinclair/typebox";
import { defineEvent } from "./event.ts";

export const configChanged = defineEvent({
  name: "config.changed",
  summary: "Another configuration is in force",
  scope: "operator.read",
  payload: Type.Object({ path: Type.String(), hash: Type.String(), ts: Type.Integer() }),
});

export const pluginsChanged = defineEvent({
  name: "plugins.changed",
  summary: "Plugins were enabled, disabled, activated, replaced or unloaded. `generation` grows with each change.",
  scope: "operator.read",
  payload: Type.Object({ generation: Type.Integer() }),
});
