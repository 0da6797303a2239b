/** Errors as the CLI shows them: what is wrong, what to do next, and an exit code that scripts can rely on. */
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { systemErrorWords } from "@pincer/plugin-sdk/command/system-error";
import { isGatewayError } from "@pincer/plugin-sdk/error";

interface CliErrorOptions {
  readonly exit?: number;
  /** A command or a sentence. */
  readonly next?: string | undefined;
  readonly code?: string;
  readonly details?: unknown;
}

export class CliError extends Error {
  readonly exit: number;
  readonly next: string | undefined;
  readonly code: string;
  readonly details: unknown;

  constructor(message: string, { exit, next, code = "CLI_FAILED", details }: CliErrorOptions = {}) {
    super(message);
    this.exit = exit ?? (code.endsWith("_USAGE") ? EXIT.usage : EXIT.failed);
    this.next = next;
    this.code = code;
    this.details = details;
  }
}

export const notRunning = (home: string, next = "pincer up"): CliError =>
  new CliError(`no gateway runs with the home ${home}`, { exit: EXIT.notRunning, code: "CLI_NOT_RUNNING", next });

/** Whatever was thrown, as something to show. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (isGatewayError(error)) return new CliError(error.message, { code: error.code, details: error.data });
  // What is not of the system is a fault of ours, and its stack helps to mend it.
  if (error instanceof Error)
    return new CliError(systemErrorWords(error) ?? error.message, { details: "code" in error ? undefined : error.stack });
  return new CliError(String(error));
}
