import type { Shape } from "../shape.ts";
import type { Exported } from "./exported.ts";

export function typescript({ version, methods, events }: Exported): string {
  const lines = [
    `// Pincer ${version}, gateway protocol 4. Made by "pincer protocol export --format typescript"; do not edit.`,
    "",
    "export interface Methods {",
  ];
  for (const [name, { summary, scope, params, result, accepted }] of Object.entries(methods)) {
    lines.push(
      `  /** ${comment(summary)} Scope: ${scope}. */`,
      `  ${JSON.stringify(name)}: {`,
      `    params: ${typeOf(params, "    ")};`,
      `    result: ${typeOf(result, "    ")};`,
    );
    if (accepted) lines.push(`    accepted: ${typeOf(accepted, "    ")};`);
    lines.push("  };");
  }
  lines.push("}", "", "export interface Events {");
  for (const [name, { summary, payload }] of Object.entries(events))
    lines.push(`  /** ${comment(summary)} */`, `  ${JSON.stringify(name)}: ${typeOf(payload, "  ")};`);
  return [...lines, "}", "", "export type MethodName = keyof Methods;", "export type EventName = keyof Events;", ""].join("\n");
}

const comment = (text: string): string => text.replaceAll("*/", "* /").replace(/([^.])$/, "$1.");

function typeOf(shape: Shape, indent: string): string {
  if ("const" in shape) return JSON.stringify(shape.const);
  if (shape.enum) return shape.enum.map((item) => JSON.stringify(item)).join(" | ");
  if (shape.anyOf) return [...new Set(shape.anyOf.map((branch) => typeOf(branch, indent)))].join(" | ");
  if (Array.isArray(shape.items)) return `[${shape.items.map((item: Shape) => typeOf(item, indent)).join(", ")}]`;
  if (shape.type === "array") return `Array<${shape.items ? typeOf(shape.items as Shape, indent) : "unknown"}>`;
  if (shape.type === "object") return objectType(shape, indent);
  if (shape.type === "integer") return "number";
  return ["string", "number", "boolean", "null"].includes(shape.type ?? "") ? shape.type! : "unknown";
}

function objectType({ properties = {}, patternProperties, additionalProperties, required = [] }: Shape, indent: string): string {
  const inner = `${indent}  `;
  const rest = Object.values(patternProperties ?? {})[0] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
  const members = Object.entries(properties).map(([key, child]) => {
    const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
    return `${inner}${name}${required.includes(key) ? "" : "?"}: ${typeOf(child, inner)};`;
  });
  if (members.length === 0)
    return rest
      ? `Record<string, ${typeOf(rest, indent)}>`
      : additionalProperties === false
        ? "Record<string, never>"
        : "Record<string, unknown>";
  return `{\n${members.join("\n")}\n${indent}}`;
}
