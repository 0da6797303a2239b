/** What is said when nothing could answer: the reason of each, and what to do. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { isOwn } from "./order.ts";
import type { Note } from "./walk.ts";

const WORDS: Readonly<Record<FailureClass, string>> = {
  auth: "the key was not accepted",
  billing: "the account has no credit",
  "rate-limit": "too many requests",
  overloaded: "the vendor is overloaded",
  network: "the connection or the server failed",
  timeout: "there was no answer in time",
  "context-overflow": "the conversation is too long for it",
  image: "it could not take an image",
  "bad-request": "it refused the request",
  refusal: "it refused to answer",
  exhausted: "nothing was left to try",
  unknown: "it failed",
};

const LONGEST = 200;
const short = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST).toWellFormed()}…`);
const said = ({ class: kind, message }: Pick<ModelFailure, "class" | "message">): string => `${WORDS[kind]} (${short(message)})`;

const span = (ms: number): string => (ms < 120_000 ? `${Math.max(1, Math.ceil(ms / 1_000))} s` : `${Math.ceil(ms / 60_000)} min`);

const whose = (profile: string): string => (isOwn(profile) ? "" : ` with ${profile}`);

function lineOf(note: Note, now: number): string {
  if (note.kind === "unavailable") return `${note.model}: ${short(note.message)}`;
  const who = `${note.target.model}${whose(note.target.profile)}`;
  if (note.kind === "cannot-continue") return `${who}: it cannot go on with a text that another has begun`;
  if (note.kind === "failed") {
    const wait = note.failure.retryAfterMs;
    const again = note.failure.class === "rate-limit" && wait !== undefined ? `, again in ${span(wait)}` : "";
    return `${who}: ${said(note.failure)}${note.attempts > 1 ? ", also when asked again" : ""}${again}`;
  }
  const { look } = note;
  if (look.is === "cooling") return `${who} rests for another ${span(look.leftMs)}: ${said(look.reason)}`;
  return `${who} is off since ${span(Math.max(0, now - look.reason.at))}: ${said(look.reason)}`;
}

const isOff = (note: Note): boolean =>
  note.kind === "passed-over" ? note.look.is === "failed" : note.kind === "failed" && /^(auth|billing)$/.test(note.failure.class);
const profileOf = (note: Note): string | undefined => ("target" in note ? note.target.profile : undefined);

/** `begun`: part of the answer has gone out already. */
export function exhaustedFailure(notes: readonly Note[], now: number, begun: boolean): ModelFailure {
  const lines = notes.map((note) => lineOf(note, now));
  const waits = notes.flatMap((note) => {
    if (note.kind === "passed-over" && note.look.is === "cooling") return [note.look.leftMs];
    return note.kind === "failed" && note.failure.retryAfterMs !== undefined ? [note.failure.retryAfterMs] : [];
  });
  const off = notes.filter(isOff).flatMap((note) => profileOf(note) ?? []);
  const advice = [
    ...(off.some((profile) => !isOwn(profile))
      ? ["`pincer models auth list` shows the profiles, `pincer models auth add` sets a new key"]
      : []),
    ...(off.some(isOwn) ? ["a key of the environment or of the configuration is changed where it stands"] : []),
  ];
  const head = begun ? "the answer broke off, and could not be gone on with" : "all that could be asked has failed";
  const status = notes.findLast((note) => note.kind === "failed")?.failure.status;
  return {
    class: "exhausted",
    message: `${head}: ${lines.join("; ") || "there was none"}.${advice.length === 0 ? "" : ` What to do: ${advice.join("; ")}.`}`,
    ...(status === undefined ? {} : { status }),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.round(Math.min(...waits)) }),
  };
}
