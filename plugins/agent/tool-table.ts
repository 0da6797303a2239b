/** The tools that an agent may offer to a model in a session, under names that every provider takes. */

import type { ToolSpec } from "@pincer/plugin-sdk/contracts/provider";
import type { AgentInfo } from "@pincer/plugin-sdk/contracts/router";
import type { ToolRecord } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { INVALID_ARGUMENTS } from "@pincer/plugin-sdk/provider/answer";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { Value } from "@sinclair/typebox/value";

export interface KnownTool {
  readonly name: string;
  readonly plugin: string;
  readonly record: ToolRecord;
}

export interface ToolTable {
  /** By the name that the model uses. */
  readonly tools: ReadonlyMap<string, KnownTool>;
  /** In the order of their names, so that the same tools give the same request. */
  readonly specs: readonly ToolSpec[];
  /** About how many of them the specs take. */
  readonly tokens: number;
  /** Tools that cannot be told apart in names that providers take. */
  readonly collisions: readonly string[];
}

const longestName = 64;

/** `browser.click` is sent as `browser_click`; a long name ends in a digest of the whole. */
export function encodeToolName(name: string): string {
  const plain = name.replace(/[^a-zA-Z0-9_-]/g, "_");
  return plain.length <= longestName
    ? plain
    : `${plain.slice(0, longestName - 9)}_${Bun.hash(name).toString(16).padStart(16, "0").slice(0, 8)}`;
}

const matcher = (pattern: string) =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );

export function allowedTools(tools: readonly KnownTool[], { allow, deny }: AgentInfo["tools"]): readonly KnownTool[] {
  const allowed = allow.map(matcher);
  const denied = deny.map(matcher);
  return tools.filter(({ name }) => allowed.some((pattern) => pattern.test(name)) && !denied.some((pattern) => pattern.test(name)));
}

export function toolTable(allowed: readonly KnownTool[]): ToolTable {
  const groups = Map.groupBy(allowed, ({ name }) => encodeToolName(name));
  const tools = new Map<string, KnownTool>();
  const collisions: string[] = [];
  for (const encoded of [...groups.keys()].sort()) {
    const group = groups.get(encoded)!;
    // A tool that is really called so keeps its name: nobody takes it away by choosing a similar one.
    const winner = group.length === 1 ? group[0] : group.find(({ name }) => name === encoded);
    if (winner !== undefined) tools.set(encoded, winner);
    collisions.push(...group.filter((candidate) => candidate !== winner).map(({ name }) => name));
  }
  const specs = [...tools].map(([name, { record }]) => ({ name, description: record.summary, parameters: record.parameters as unknown }));
  return { tools, specs, tokens: specs.length === 0 ? 0 : textTokens(JSON.stringify(specs)), collisions };
}

export const noTools = toolTable([]);

const mostTables = 64;

/** Tables as long as the same tools are installed. */
export class ToolTables {
  readonly #known = new Map<string, { readonly records: readonly ToolRecord[]; readonly table: ToolTable }>();

  of(tools: readonly KnownTool[], permitted: AgentInfo["tools"]): ToolTable {
    const key = JSON.stringify(permitted);
    const known = this.#known.get(key);
    if (known?.records.length === tools.length && tools.every(({ record }, index) => record === known.records[index])) return known.table;
    const table = toolTable(allowedTools(tools, permitted));
    if (this.#known.size >= mostTables) this.#known.clear();
    this.#known.set(key, { records: tools.map(({ record }) => record), table });
    return table;
  }
}

/** What is wrong with a call's arguments, for the model to read; `undefined` when nothing is. */
export function argumentFault(record: ToolRecord, args: Readonly<Record<string, unknown>>): string | undefined {
  if (Object.keys(args).length === 1 && INVALID_ARGUMENTS in args) return "the arguments were not valid JSON";
  try {
    const schema = reviveSchema(record.parameters);
    if (Value.Check(schema, args)) return undefined;
    const faults = [...Value.Errors(schema, args)].slice(0, 5);
    return faults
      .map(({ path, message }) => `${path === "" ? "the arguments" : path.slice(1).replaceAll("/", ".")}: ${message}`)
      .join("; ");
  } catch (error) {
    return `the tool's parameters cannot be checked: ${errorMessage(error)}`;
  }
}

/** One text for equal arguments, whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
