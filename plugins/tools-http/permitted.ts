/** Which tools may be called from outside at all. */
import type { ToolRecord } from "@pincer/plugin-sdk/contracts/tool";
import type { ToolsHttpConfig } from "./config.ts";

/** Off by their names: what acts on the machine, on other sessions, or on the gateway itself. */
const OFF: ReadonlySet<string> = new Set([
  "exec",
  "spawn",
  "shell",
  "fs_write",
  "fs_delete",
  "fs_move",
  "apply_patch",
  "sessions_spawn",
  "sessions_send",
  "cron",
  "gateway",
  "nodes",
]);

export const matches = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => {
    const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`).test(name);
  });

export function mayBeCalled(name: string, { access }: Pick<ToolRecord, "access">, { allow, deny }: ToolsHttpConfig): boolean {
  if (matches(deny, name)) return false;
  if (matches(allow, name)) return true;
  return access !== "write" && access !== "exec" && !OFF.has(name);
}
