/** A plugin's code at work, in this process or in one of its own: what a generation asks of it. */
import type { GatewayError } from "@pincer/plugin-sdk/error";
import type { Registrations } from "@pincer/plugin-sdk/runtime/registrations";

export interface PluginInstance {
  readonly registered: Registrations;
  readonly services: {
    readonly size: number;
    start(): void;
    /** Answers with those that did not end in time. */
    stop(reason: GatewayError): Promise<readonly string[]>;
  };
  /** Tells it that its configuration has changed. */
  tellConfig(): void;
  /** Tells a process of its own who provides what it uses. */
  tellProvisions?(): void;
  /** Throws `PLUGIN_UNLOADED` once everything is undone. */
  assertLive(): void;
  unloaded(): GatewayError;
  /** Undoes everything, once; answers with what failed or did not end in its time. */
  unload(): Promise<readonly string[]>;
  /** Present when it is a process of its own. */
  readonly process?: ProcessFacts;
}

/** The cause of an error: what a process wrote before it ended. For the log. */
export class LastWords extends Error {}
/** For a line of the log. */
export const lastWordsOf = ({ cause }: Error) => (cause instanceof LastWords ? { said: cause.message } : {});

export interface ProcessFacts {
  /** Of the process that was started: inside a sandbox another one runs under it. */
  readonly pid: number;
  /** Whether the operating system holds it to its permissions. */
  readonly enforced: boolean;
  /** Whether this is how it ended. */
  isEnd(error: unknown): boolean;
  /**
   * Called once when it has ended without being asked to, before whatever waits for it is told. `details` says later how it ended, with what it
   * said last as its cause.
   */
  onDeath: ((reason: GatewayError, details: Promise<GatewayError>) => void) | undefined;
}
