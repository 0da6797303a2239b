/** How commands are spoken of, for a model to read. */
import type { Command, Ending } from "./command.ts";

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;

export function endingInWords({ code, signal, stopped, left, ms }: Ending): string {
  const how = signal !== undefined ? `killed by ${signal}${code === undefined ? "" : `, exit code ${code}`}` : `exit code ${code}`;
  const why = stopped === undefined ? how : `stopped: ${stopped}`;
  const rest =
    left === 0
      ? ""
      : `; ${left} ${left === 1 ? "process that it left running was" : "processes that it left running were"} ended, use background: true for those`;
  return `[${why}, after ${seconds(ms)}${rest}]`;
}

export const stateInWords = (command: Command): string => {
  const ending = command.ending();
  return ending ? endingInWords(ending) : `[running for ${seconds(command.runningMs())}]`;
};

/** A command on one line of a list. */
export const shortly = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 100 ? `${line.slice(0, 99).toWellFormed()}…` : line;
};
