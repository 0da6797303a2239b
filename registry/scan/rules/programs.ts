/** Programs that the code starts, code that it makes while it runs, and code that no rule can read. */
import { basename } from "node:path";
import { excerpt, found, type Rule, type Script } from "../subject.ts";
import { isImport } from "./network.ts";

const starting = /\b(spawn|spawnSync|exec|execSync|execFile|execFileSync|fork)\s*\(\s*\[?\s*(\{\s*cmd\s*:\s*\[\s*)?$/;
const processes = /^(node:)?child_process$/;

const startsPrograms = ({ lexed }: Script): boolean =>
  lexed.texts.some(({ value, at }) => processes.test(value) && isImport(lexed.bare, at)) ||
  /\bBun\s*\.\s*(spawn|spawnSync|\$)/.test(lexed.bare);

export const undeclaredPrograms: Rule = function* ({ kind, scripts, permitted }) {
  if (kind === "skills") return;
  const declared = permitted.exec.filter((entry) => !entry.startsWith("config:")).map((entry) => basename(entry));
  const isOperators = permitted.exec.some((entry) => entry.startsWith("config:"));
  for (const script of scripts) {
    if (!startsPrograms(script)) continue;
    const { texts, bare } = script.lexed;
    let named = 0;
    for (const { value, at } of texts) {
      if (!starting.test(bare.slice(Math.max(0, at - 60), at))) continue;
      const program = basename(/^[^\s\0]+/.exec(value)?.[0] ?? "");
      if (program === "" || declared.includes(program)) continue;
      named += 1;
      yield found(
        "undeclared-program",
        "high",
        script,
        script.line(at),
        `it starts ${excerpt(program)}, which its permissions do not name`,
      );
    }
    if (named === 0 && declared.length === 0 && !isOperators) {
      const at = texts.find((text) => processes.test(text.value))?.at ?? bare.search(/\bBun\s*\.\s*(spawn|\$)/);
      yield found("undeclared-program", "high", script, script.line(Math.max(0, at)), "it starts programs, and its permissions name none");
    }
  }
};

const makers: readonly (readonly [pattern: RegExp, rule: string, severity: "medium" | "high", sentence: string])[] = [
  [/(?<![.\w$])eval\s*\(/g, "code-from-text", "high", "it runs text as code (eval), which nobody can read before it runs"],
  [
    /\bnew\s+Function\s*\(|(?<![.\w$])Function\s*\(/g,
    "code-from-text",
    "high",
    "it makes a function of text, which nobody can read before it runs",
  ],
  [
    /\.\s*constructor\s*\.\s*constructor\b|\[\s*["']constructor["']\s*\]\s*\[/g,
    "code-from-text",
    "high",
    "it reaches the maker of functions by a detour",
  ],
  [
    /\bglobalThis\s*\[|\bglobal\s*\[(?!\s*Symbol)/g,
    "computed-global",
    "medium",
    "it takes something global by a name that is made when it runs",
  ],
  [/\bprocess\s*\.\s*(binding|dlopen|_linkedBinding)\b/g, "native-code", "high", "it loads native code, which no permission holds"],
  [/\bnew\s+Worker\s*\(/g, "worker", "medium", "it starts a thread of its own"],
  [
    /(?<![.\w$])(import|require)\s*\(\s*(?!["'`\s)])[^)\n]{0,300}\)(?!\s*[{:])/g,
    "computed-import",
    "medium",
    "it loads a module whose name is made when it runs",
  ],
  [
    /(?<![.\w$])(import|require)\s*\(\s*`[^`]{0,300}\$\{/g,
    "computed-import",
    "medium",
    "it loads a module whose name is made when it runs",
  ],
];

export const madeCode: Rule = function* ({ scripts }) {
  for (const script of scripts) {
    for (const [pattern, rule, severity, sentence] of makers)
      for (const { index } of script.lexed.bare.matchAll(pattern)) yield found(rule, severity, script, script.line(index), sentence);
    for (const { value, at } of script.lexed.texts) {
      if (!isImport(script.lexed.bare, at)) continue;
      if (/^(bun:ffi|ffi-napi|koffi)$/.test(value))
        yield found("native-code", "high", script, script.line(at), `it loads ${value}: native code, which no permission holds`);
      if (/^(node:)?(vm|worker_threads|inspector|repl|v8|module)$/.test(value))
        yield found(
          "code-from-text",
          value.endsWith("vm") ? "high" : "medium",
          script,
          script.line(at),
          `it loads ${value}, with which code can be made or changed while it runs`,
        );
      if (/^(https?:|data:)/.test(value))
        yield found("remote-code", "high", script, script.line(at), `it loads code from ${excerpt(value)} when it runs`);
    }
  }
};
