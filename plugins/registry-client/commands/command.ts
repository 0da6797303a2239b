import type { Command, CommandIo } from "@pincer/plugin-sdk";

export interface CommandDefinition {
  readonly command: Command;
  /** Answers with the exit code. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}
