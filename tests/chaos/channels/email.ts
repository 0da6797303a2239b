import { eventOf, threadOf } from "../../../plugins/channel-email/ids.ts";
import { letter } from "../../channels/fakes/email/person.ts";
import { startFakeMail } from "../../channels/fakes/email/server.ts";
import { ASSISTANT, AUTHSERV_ID, idOf, shown } from "../../channels/fakes/email/suite.ts";
import type { Room, StartChannel } from "./channel.ts";
import { startLineRelay } from "./line-relay.ts";

const rootOf = (from: string): string => `first.of.${from}`;

/** All are in one exchange, which began with that person's first mail. */
function roomOf(from: string, others: readonly string[]): Room {
  const thread = threadOf(rootOf(from));
  const conversation = [from, ...others].sort().join(",");
  return { conversation, from, direct: others.length === 0, ...(thread !== undefined && { thread }) };
}

export const email: StartChannel = async (at) => {
  const mail = await startFakeMail({ user: ASSISTANT });
  // What it has taken can be found there by a gateway that was not told so.
  mail.world.keepsSent = true;
  const relay = await startLineRelay({
    to: `127.0.0.1:${mail.smtp}`,
    at,
    // The end of a mail, without which none is taken.
    isSent: (line) => line === ".",
    taken: () => {
      const before = mail.world.sent.length;
      return mail.until(() => mail.world.sent.length > before);
    },
  });
  let count = 0;
  return {
    name: "email",
    plugin: "channel-email",
    config: {
      ...{ address: ASSISTANT, password: mail.world.password, authservId: AUTHSERV_ID, keepSent: false },
      ...{ imap: `127.0.0.1:${mail.imap}`, imapSecurity: "none", smtp: relay.address, smtpSecurity: "none" },
    },
    rooms: [roomOf(idOf("ada"), []), roomOf(idOf("carol"), [idOf("grace")])],
    grows: false,
    get shown() {
      return mail.world.sent.map((sent) => ({ conversation: [...sent.to].sort().join(","), text: shown(sent).text, id: shown(sent).id! }));
    },
    say({ conversation, from }, text) {
      const id = `said-${++count}@example.test`;
      const header = {
        "Message-ID": `<${id}>`,
        References: `<${rootOf(from)}>`,
        "Authentication-Results": `${AUTHSERV_ID}; dmarc=pass header.from=example.test`,
      };
      mail.deliver(letter({ from, to: [ASSISTANT, ...conversation.split(",").filter((one) => one !== from)].join(", "), text, header }));
      return eventOf(id, "");
    },
    fail: relay.fail,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await mail[Symbol.asyncDispose]();
    },
  };
};
