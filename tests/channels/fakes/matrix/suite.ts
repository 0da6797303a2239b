/** A homeserver as the conformance suite of channels sees it, with ids for the suite's names. */
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { ChannelPlatform, Posted, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import { type FakeMatrix, startFakeMatrix } from "./server.ts";
import type { Event, Fields } from "./world.ts";

/** Of a person or a room; the suite uses a name for one of them only. */
export const idOf = (name: string): string => (/^(?:room|club)/.test(name) ? `!${name}:hs.test` : `@${name}:hs.test`);

const relates = (content: Fields) =>
  (content["m.relates_to"] ?? {}) as { rel_type?: string; event_id?: string; "m.in_reply_to"?: { event_id: string } };

export const startSuitePlatform = ({ now }: { readonly now?: () => number } = {}): ChannelPlatform =>
  suitePlatform(startFakeMatrix({ clock: now ? { ...systemClock, now } : systemClock }));

export function suitePlatform(matrix: FakeMatrix): ChannelPlatform {
  /** Roots by thread, as the suite calls it. */
  const threads = new Map<string, string>();
  matrix.room(idOf("room-1"), idOf("ada"));

  const shown = (event: Event): Posted => {
    const content = matrix.textOf(event);
    const { rel_type, event_id, "m.in_reply_to": reply } = relates(event.content);
    const thread = rel_type === "m.thread" ? [...threads].find(([, root]) => root === event_id)?.[0] : undefined;
    const { mimetype } = (content["info"] ?? {}) as { mimetype?: string };
    const isFile = content["msgtype"] !== "m.text";
    return {
      conversation: event.room_id,
      id: event.event_id,
      text: isFile && content["filename"] === content["body"] ? "" : String(content["body"]),
      ...(thread !== undefined && { thread: thread.split(" ")[1]! }),
      ...(reply !== undefined && { replyTo: reply.event_id }),
      ...(isFile && { attachments: [{ fileName: String(content["filename"]), ...(mimetype !== undefined && { mimeType: mimetype }) }] }),
    };
  };

  function rootOf(conversation: string, thread: string): string {
    const key = `${conversation} ${thread}`;
    const known = threads.get(key);
    if (known !== undefined) return known;
    // Somebody else's, whom the bot does not answer.
    const root = matrix.write(idOf("somebody"), conversation, { msgtype: "m.text", body: "a thread begins" });
    threads.set(key, root);
    return root;
  }

  function ensure({ conversation, from, group }: Said): void {
    const room = matrix.world.rooms.get(conversation);
    if (room === undefined) matrix.room(conversation, from, group ? { name: "Club", members: [idOf("grace")] } : {});
    else if (!room.state.has(`m.room.member\n${from}`)) matrix.join(conversation, from);
  }

  function write({ conversation, from, text, group, thread }: Said): string {
    const mentions = group?.mentions ? { user_ids: [matrix.bot.user] } : {};
    const root = thread === undefined ? undefined : rootOf(conversation, thread);
    return matrix.write(from, conversation, {
      msgtype: "m.text",
      body: text,
      "m.mentions": mentions,
      ...(root !== undefined && {
        "m.relates_to": { rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root } },
      }),
    });
  }

  return {
    url: matrix.url,
    say(said) {
      ensure(said);
      const files = (said.attachments ?? []).map(({ data, fileName = "file", mimeType }) => {
        const bytes = Buffer.from(data, "base64");
        return matrix.write(said.from, said.conversation, {
          msgtype: "m.image",
          body: said.text,
          filename: fileName,
          url: matrix.file(bytes, mimeType, fileName),
          info: { mimetype: mimeType, size: bytes.length },
        });
      });
      return files[0] ?? write(said);
    },
    get posted() {
      return matrix.sent.map(shown);
    },
    message: async (index) => shown(await matrix.message(index)),
    until: matrix.until,
    revoke: () => matrix.revoke(matrix.bot.token),
    [Symbol.asyncDispose]: () => matrix[Symbol.asyncDispose](),
  };
}
