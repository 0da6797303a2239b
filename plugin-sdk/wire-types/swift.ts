import type { Shape } from "../shape.ts";
import type { Exported } from "./exported.ts";

/** Names that Swift keeps for itself, written in backticks. */
const reserved = new Set(
  "as associatedtype break case catch class continue default defer deinit do else enum extension fallthrough false fileprivate for func guard if import in init inout internal is let nil open operator private protocol public repeat rethrows return self static struct subscript super switch throw throws true try typealias var where while".split(
    " ",
  ),
);

const json = `/// Any JSON value, for what has no fixed shape.
public enum JSONValue: Codable, Sendable, Equatable {
    case null, bool(Bool), number(Double), string(String), array([JSONValue]), object([String: JSONValue])

    public init(from decoder: Decoder) throws {
        let box = try decoder.singleValueContainer()
        if box.decodeNil() { self = .null }
        else if let value = try? box.decode(Bool.self) { self = .bool(value) }
        else if let value = try? box.decode(Double.self) { self = .number(value) }
        else if let value = try? box.decode(String.self) { self = .string(value) }
        else if let value = try? box.decode([JSONValue].self) { self = .array(value) }
        else { self = .object(try box.decode([String: JSONValue].self)) }
    }

    public func encode(to encoder: Encoder) throws {
        var box = encoder.singleValueContainer()
        switch self {
        case .null: try box.encodeNil()
        case .bool(let value): try box.encode(value)
        case .number(let value): try box.encode(value)
        case .string(let value): try box.encode(value)
        case .array(let value): try box.encode(value)
        case .object(let value): try box.encode(value)
        }
    }
}`;

const pascal = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .map((part) => part[0]!.toUpperCase() + part.slice(1))
    .join("");

function member(name: string): string {
  const word = pascal(name).replace(/^[A-Z]+/, (start) =>
    start.length > 1 && start.length < name.length ? start[0]!.toLowerCase() + start.slice(1) : start.toLowerCase(),
  );
  const safe = /^[A-Za-z_]/.test(word) ? word : `_${word}`;
  return reserved.has(safe) ? `\`${safe}\`` : safe;
}

export function swift({ version, methods, events }: Exported): string {
  const types: string[] = [];
  const cases = (names: readonly string[]) => names.map((name) => `    case ${member(name)} = ${JSON.stringify(name)}`).join("\n");
  for (const [name, { params, result, accepted }] of Object.entries(methods)) {
    declare(types, `${pascal(name)}Params`, params);
    declare(types, `${pascal(name)}Result`, result);
    if (accepted) declare(types, `${pascal(name)}Accepted`, accepted);
  }
  for (const [name, { payload }] of Object.entries(events)) declare(types, `${pascal(name)}Event`, payload);
  return [
    `// Pincer ${version}, gateway protocol 4. Made by "pincer protocol export --format swift"; do not edit.`,
    "import Foundation",
    json,
    `public enum MethodName: String, Codable, Sendable, CaseIterable {\n${cases(Object.keys(methods))}\n}`,
    `public enum EventName: String, Codable, Sendable, CaseIterable {\n${cases(Object.keys(events))}\n}`,
    ...types,
    "",
  ].join("\n\n");
}

function declare(types: string[], name: string, shape: Shape): void {
  const type = typeOf(types, name, shape);
  if (type !== name) types.push(`public typealias ${name} = ${type}`);
}

/** The Swift type of a schema; a struct or enum that it needs is added to `types` under `name`. */
function typeOf(types: string[], name: string, shape: Shape): string {
  const choices =
    shape.enum ??
    (shape.anyOf?.every((branch) => typeof branch.const === "string") ? shape.anyOf.map((branch) => branch.const) : undefined);
  if (choices?.length && choices.every((choice) => typeof choice === "string")) {
    types.push(
      `public enum ${name}: String, Codable, Sendable {\n${choices.map((choice) => `    case ${member(choice)} = ${JSON.stringify(choice)}`).join("\n")}\n}`,
    );
    return name;
  }
  if (shape.anyOf) {
    const others = shape.anyOf.filter(({ type }) => type !== "null");
    return others.length === 1 && shape.anyOf.length === 2 ? `${typeOf(types, name, others[0]!)}?` : "JSONValue";
  }
  if (shape.type === "array")
    return Array.isArray(shape.items) || !shape.items ? "[JSONValue]" : `[${typeOf(types, `${name}Item`, shape.items as Shape)}]`;
  if (shape.type === "object") return objectType(types, name, shape);
  const literal = typeof shape.const;
  if (shape.type === "string" || literal === "string") return "String";
  if (shape.type === "integer") return "Int";
  if (shape.type === "number" || literal === "number") return "Double";
  return shape.type === "boolean" || literal === "boolean" ? "Bool" : "JSONValue";
}

function objectType(types: string[], name: string, { properties = {}, required = [], patternProperties }: Shape): string {
  const rest = Object.values(patternProperties ?? {})[0];
  const entries = Object.entries(properties);
  if (entries.length === 0) return rest ? `[String: ${typeOf(types, `${name}Value`, rest)}]` : "[String: JSONValue]";
  const members = entries.map(([key, child]) => {
    const type = typeOf(types, name + pascal(key), child);
    return { key, name: member(key), type: required.includes(key) || type.endsWith("?") ? type : `${type}?` };
  });
  const keys = members.map((one) => `        case ${one.name} = ${JSON.stringify(one.key)}`);
  const parameters = members.map((one) => `${one.name}: ${one.type}${one.type.endsWith("?") ? " = nil" : ""}`).join(", ");
  types.push(
    [
      `public struct ${name}: Codable, Sendable {`,
      ...members.map((one) => `    public var ${one.name}: ${one.type}`),
      `    public init(${parameters}) {`,
      ...members.map((one) => `        self.${one.name.replaceAll("`", "")} = ${one.name}`),
      "    }",
      "    enum CodingKeys: String, CodingKey {",
      ...keys,
      "    }",
      "}",
    ].join("\n"),
  );
  return name;
}
