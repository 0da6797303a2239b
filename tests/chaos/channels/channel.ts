/** A channel as the trials see it: people who write on an imitated platform, and what that shows them. It lives in the driver, so that it outlives every gateway. */
import type { Faults, Which } from "@pincer/plugin-sdk/testing/faults";
import { startFaults } from "@pincer/plugin-sdk/testing/faults";

/** A conversation, and who writes there. */
export interface Room {
  readonly conversation: string;
  /** Where it is one within the conversation: the channel's name for it. */
  readonly thread?: string;
  readonly from: string;
  /** Between two; otherwise in a group, where the bot is named. */
  readonly direct: boolean;
}

export interface Shown {
  readonly conversation: string;
  /** As people read it now. */
  readonly text: string;
  /** As `send` has answered with it, or would have. */
  readonly id: string;
  /** Of the part that it is, where the platform keeps that. */
  readonly key?: string;
}

/** Where a gateway may die, of what it does with a platform. */
export type Moment = "poll" | "asked" | "posted" | "edit-asked" | "edited";
/** Kills the gateway there, or not. */
export type At = (moment: Moment) => Promise<void>;

export interface ChaosChannel extends AsyncDisposable {
  /** Of the channel, and of the plugin that has it. */
  readonly name: string;
  readonly plugin: string;
  /** What `channels.<name>` has, besides who may write. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Further entries of `channels`. */
  readonly beside?: Readonly<Record<string, unknown>>;
  readonly rooms: readonly Room[];
  /** An answer grows there by edits. */
  readonly grows: boolean;
  /** Events may come in another order than that in which people wrote. */
  readonly isUnordered?: boolean;
  readonly shown: readonly Shown[];
  /** Somebody writes; answers with the event's id, as the channel hands it in. */
  say(room: Room, text: string): string;
  /** Whether the platform has been told that the event is safe. Absent where no platform is ever told: then it is safe once the model has read it. */
  isConfirmed?(event: string): boolean;
  /** The platform brings the event once more. */
  repeat?(event: string): void;
  /** The next messages that the gateway sends, each the next fault: it is shown and not answered, or not taken. */
  fail(...faults: readonly ("lost" | "unavailable")[]): void;
  /** Where the gateway is from now on; undefined while it is nowhere. */
  moved?(gateway: string | undefined): void;
}

export type StartChannel = (at: At) => ChaosChannel | Promise<ChaosChannel>;

/** The way between a gateway and a platform that speaks HTTP. */
export interface Road {
  readonly url: string;
  readonly fail: ChaosChannel["fail"];
  readonly hasEdits: boolean;
  readonly faults: Faults;
}

/** `sends` and `edits`: the requests by which a message is sent, and changed. */
export function startRoad(url: string, { sends, edits }: { readonly sends: Which; readonly edits?: Which }, at: At): Road {
  const isOf = (which: Which | undefined, { method, path }: { readonly method: string; readonly path: string }) =>
    which !== undefined && (which.method ?? method) === method && path.includes(which.path ?? "");
  const faults = startFaults(url, {
    async at(moment, request) {
      if (isOf(sends, request)) await at(moment === "asked" ? "asked" : "posted");
      else if (isOf(edits, request)) await at(moment === "asked" ? "edit-asked" : "edited");
    },
  });
  return { url: faults.url, faults, hasEdits: edits !== undefined, fail: (...next) => faults.next(sends, ...next) };
}
