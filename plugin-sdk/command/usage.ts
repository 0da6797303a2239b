/** What a command takes, as its usage spells it: `<needed> [maybe] [many...] [--flag] [--flag <value>] [--flag <value>...]`. */
import { defineErrors } from "../error.ts";

/** The command line says with it what the command takes, and ends with `EXIT.usage`. */
export const commandErrors = defineErrors({ COMMAND_USAGE: { message: "the command was called wrongly", wire: "INVALID_REQUEST" } });

const flag = /\s*\[--([\w-]+)(?: <([^>]+)>(?:\.{3})?)?\]/g;

export interface UsageFlag {
  /** Without its dashes. */
  readonly name: string;
  /** What its value is called; absent: it takes none. */
  readonly value?: string;
}

export const flagsIn = (usage: string): readonly UsageFlag[] =>
  [...usage.matchAll(flag)].map(([, name = "", value]) => ({ name, ...(value !== undefined && { value }) }));

export const argumentsIn = (usage: string): string => usage.replace(flag, "").trim();
