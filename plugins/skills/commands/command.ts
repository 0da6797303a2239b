import { styleText } from "node:util";
import type { Command, CommandIo } from "@pincer/plugin-sdk";

export interface CommandDefinition {
  readonly command: Command;
  /** Answers with the exit code. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

/** As every command of `pincer` has them. */
export const EXIT = { done: 0, failed: 1 } as const;

const colours = { good: ["green", "●"], bad: ["red", "✗"], off: ["yellow", "○"] } as const;
/** In colour where a person sees it. */
export function dot(kind: keyof typeof colours): string {
  const [colour, sign] = colours[kind];
  return styleText(colour, sign);
}

/** What a skill's author wrote commands no terminal, and turns nothing around. */
export const plainly = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u{e0000}-\u{e007f}]/gu, "\ufffd");

/** The first column as wide as its widest cell; further lines of the second stand beneath its first. */
export function aligned(rows: readonly (readonly [string, string])[], indent = ""): readonly string[] {
  const width = Math.max(0, ...rows.map(([first]) => Bun.stringWidth(first)));
  return rows.flatMap(([first, second]) =>
    second.split("\n").map((line, at) => {
      const head = at === 0 ? first : "";
      return `${indent}${head}${" ".repeat(width - Bun.stringWidth(head))}  ${plainly(line)}`.trimEnd();
    }),
  );
}
