/** What a plugin is made of, from its manifest, in sections that are read from top to bottom. */
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { reviewPermissions } from "./permission-review.ts";

interface Section {
  readonly title: string;
  /** A name, and what there is to know of it. */
  readonly rows: readonly (readonly [name: string, said: string])[];
}

/** Of a tool its summary, of anything else nothing: what a record means its contract says. */
const saidOf = (record: unknown): string => {
  const { summary = "", access } = (record ?? {}) as { readonly summary?: string; readonly access?: string };
  return [summary, access && `(${access})`].filter(Boolean).join(" ");
};

/** Without the sections that hold nothing. */
export function describePlugin({ permissions, generated = {} }: Manifest): readonly Section[] {
  const { uses = {}, provides = {}, methods = {}, emits = {}, listens = [], routes = {}, jobs = {}, hooks = {} } = generated;
  const { commands = {}, facets = {} } = generated;
  const { tool: tools = {}, ...others } = provides;
  const rowsOf = <T>(named: Readonly<Record<string, T>>, said: (one: T) => string): Section["rows"] =>
    Object.entries(named).map(([name, one]) => [name, said(one)]);
  const usedBy = (isOptional: boolean): Section["rows"] => {
    const ids = Object.entries(uses).flatMap(([id, { optional = false }]) => (optional === isOptional ? id : []));
    return ids.length === 0 ? [] : [[isOptional ? "when it is there" : "needs", ids.join(", ")]];
  };
  const provided = Object.entries(others).map(([contract, names]) => [contract, Object.keys(names).join(", ")] as const);
  const sections: readonly Section[] = [
    { title: "Tools", rows: rowsOf(tools, ({ record }) => saidOf(record)) },
    { title: "Provides", rows: provided },
    { title: "Methods", rows: rowsOf(methods, ({ summary, scope, dynamic }) => `${summary} (${scope}${dynamic ? " or more" : ""})`) },
    { title: "Hooks", rows: rowsOf(hooks, ({ kind }) => `(${kind})`) },
    {
      title: "Routes",
      rows: rowsOf(routes, ({ access }) => (access === "open" ? "open to anyone who reaches the port" : "for who has the token")),
    },
    { title: "Jobs", rows: rowsOf(jobs, ({ concurrency }) => (concurrency === undefined ? "" : `${concurrency} at a time`)) },
    { title: "Emits", rows: rowsOf(emits, ({ summary, scope }) => `${summary} (${scope})`) },
    { title: "Listens to", rows: listens.map((name) => [name, ""] as const) },
    { title: "Commands", rows: rowsOf(commands, ({ summary }) => summary).map(([name, said]) => [`pincer ${name}`, said] as const) },
    { title: "Columns of sessions", rows: rowsOf(facets, ({ summary }) => summary) },
    { title: "Uses", rows: [...usedBy(false), ...usedBy(true)] },
    {
      title: "May",
      rows: reviewPermissions(permissions).map(({ risk, permission, text }) => [permission, risk === "high" ? `risky: ${text}` : text]),
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}
