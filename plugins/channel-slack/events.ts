/** What Slack sends, as far as it is read (docs.slack.dev/reference/events, /reference/interaction-payloads). */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const id = Type.String({ pattern: "^[A-Z0-9]{1,40}$" });
/** Seconds and microseconds: a message's id within its conversation. */
const Timestamp = Type.String({ pattern: "^\\d{1,12}\\.\\d{1,6}$" });
const text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const orNull = (what: typeof id | typeof Timestamp) => Type.Optional(Type.Union([what, Type.Null()]));

export const SlackFile = Type.Object({
  id,
  name: text,
  title: text,
  mimetype: text,
  size: Type.Optional(Type.Integer()),
  url_private: text,
  url_private_download: text,
  mode: text,
  file_access: text,
});
export type SlackFile = Static<typeof SlackFile>;

/** What is shown under a message: a shared message, a link's preview, the text of another program. */
const Attached = Type.Object({
  is_share: Type.Optional(Type.Boolean()),
  is_msg_unfurl: Type.Optional(Type.Boolean()),
  author_name: text,
  text,
  fallback: text,
});

export const SlackMessage = Type.Object({
  type: Type.Union([Type.Literal("message"), Type.Literal("app_mention")]),
  subtype: text,
  channel: id,
  user: orNull(id),
  bot_id: orNull(id),
  username: text,
  text,
  ts: Timestamp,
  thread_ts: orNull(Timestamp),
  parent_user_id: orNull(id),
  files: Type.Optional(Type.Array(SlackFile)),
  attachments: Type.Optional(Type.Array(Attached)),
});
export type SlackMessage = Static<typeof SlackMessage>;

export const Press = Type.Object({
  type: Type.Literal("block_actions"),
  user: Type.Object({ id, name: text, username: text }),
  channel: Type.Object({ id, name: text }),
  message: Type.Object({ ts: Timestamp, thread_ts: orNull(Timestamp) }),
  actions: Type.Array(Type.Object({ action_id: Type.String(), value: text, action_ts: Timestamp }), { minItems: 1 }),
});
export type Press = Static<typeof Press>;

export const SlashCommand = Type.Object({
  command: Type.String({ pattern: "^/" }),
  text,
  user_id: id,
  user_name: text,
  channel_id: id,
  channel_name: text,
  trigger_id: Type.String({ minLength: 1 }),
  response_url: text,
});
export type SlashCommand = Static<typeof SlashCommand>;

/** The event in a callback; undefined when there is none. */
export function eventOf(payload: unknown): Readonly<Record<string, unknown>> | undefined {
  const event = (payload as { readonly event?: unknown } | null)?.event;
  return typeof event === "object" && event !== null ? (event as Record<string, unknown>) : undefined;
}

/** It has not the form that Slack documents. */
export class Unreadable extends Error {}

/** Throws `Unreadable` with what was expected, and where. */
export function read<S extends typeof SlackMessage | typeof Press | typeof SlashCommand>(schema: S, value: unknown): Static<S> {
  if (Value.Check(schema, value)) return value;
  const first = Value.Errors(schema, value).First();
  throw new Unreadable(`${first?.message ?? "no such form"} at ${first?.path || "its root"}`);
}
