/** The default set: what is enabled unless the operator says otherwise. */
export const DEFAULT_PLUGINS = [
  "agent",
  "models",
  "delivery",
  "routing",
  "sessions",
  "configuration",
  "devices",
  "secrets",
  "diagnostics",
  "plugin-control",
  "provider-demo",
  "tools-files",
  "tools-exec",
  "webchat",
] as const;
