import { letter } from "../../channels/fakes/email/person.ts";
import { startFakeMail } from "../../channels/fakes/email/server.ts";
import { ASSISTANT, AUTHSERV_ID, shown } from "../../channels/fakes/email/suite.ts";
import type { Channel } from "./platform.ts";

const authenticated = `${AUTHSERV_ID}; dmarc=pass header.from=example.test`;

export const email: Channel = {
  name: "email",
  async start(hear) {
    const mail = await startFakeMail({ user: ASSISTANT });
    mail.world.keepsSent = true;
    const listen = async () => {
      for (let index = 0; ; index++) hear(shown(await mail.sent(index)).text);
    };
    void listen();
    return {
      config: {
        ...{ address: ASSISTANT, authservId: AUTHSERV_ID, keepSent: false },
        ...{ imap: `127.0.0.1:${mail.imap}`, imapSecurity: "none", smtp: `127.0.0.1:${mail.smtp}`, smtpSecurity: "none" },
      },
      env: { EMAIL_PASSWORD: mail.world.password },
      connected: () => mail.until(() => mail.world.idling.size > 0),
      say(conversation, text) {
        const header = { "Authentication-Results": authenticated, References: `<first.of.${conversation}@example.test>` };
        mail.deliver(letter({ from: `person${conversation}@example.test`, to: ASSISTANT, text, header }));
      },
      [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose](),
    };
  },
};
