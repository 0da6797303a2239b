import { type ChannelPlatform, channelSuite, type Posted } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { type Answer, SECRET, startProgram } from "../../tests/channels/fakes/webhook/program.ts";

const shown = ({ conversation, text, thread, replyTo, choices, attachments }: Answer): Posted => ({
  conversation,
  text,
  ...(thread !== undefined && { thread }),
  ...(replyTo !== undefined && { replyTo }),
  ...(choices && { buttons: choices.map(({ label }) => label) }),
  ...(attachments && { attachments }),
});

function startPlatform({ now }: { readonly now?: () => number } = {}): ChannelPlatform {
  const program = startProgram(now && { now });
  return {
    url: program.url,
    say: ({ group, attachments, ...said }) =>
      program.bring({
        ...said,
        ...(group && { group: { mentioned: group.mentions } }),
        ...(attachments && { attachments: attachments.map(({ kind: _, ...file }) => file) }),
      }),
    get posted() {
      return program.answers.map(shown);
    },
    message: async (index) => shown(await program.answer(index)),
    press(index, from, label) {
      const { conversation, choices = [], id } = program.answers[index]!;
      program.bring({ conversation, from, text: choices.find((choice) => choice.label === label)?.text, replyTo: { id, own: true } });
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

channelSuite({
  name: "webhook",
  startPlatform,
  async startPlugin(url, options, allowFrom) {
    const config = { url: `${url}/answers`, private: true, allowFrom };
    const kit = await startPlugin(import.meta.dir, { ...options, config, secrets: { WEBHOOK_SECRET: SECRET } });
    await fetch(`${url}/subscribe`, { method: "POST", body: kit.url });
    return kit;
  },
  // Nothing is asked for: the program brings what it has, twice.
  receives: { path: "/events" },
  sends: { path: "/answers" },
  idempotentSend: true,
  groups: true,
  threads: true,
  media: true,
  buttons: true,
  replies: true,
});
