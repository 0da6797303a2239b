/** What a minimal installation enables. */
export const DEFAULT_PLUGINS = [
  "agent",
  "models",
  "delivery",
  "routing",
  "configuration",
  "diagnostics",
  "plugin-control",
  "provider-demo",
  "tools-files",
  "tools-exec",
  "webchat",
] as const;
