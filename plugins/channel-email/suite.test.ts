import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { ASSISTANT, AUTHSERV_ID, idOf, mailNetwork, startSuitePlatform } from "../../tests/channels/fakes/email/suite.ts";

channelSuite({
  name: "email",
  startPlatform: startSuitePlatform,
  startPlugin(url, options, allowFrom) {
    const [imap, smtp] = url.split(",");
    const servers = { imap, smtp, imapSecurity: "none", smtpSecurity: "none" };
    // A copy would have the line by which a mail that is sent is known.
    const copies = { keepSent: false };
    return startPlugin(import.meta.dir, {
      ...options,
      config: { address: ASSISTANT, ...servers, ...copies, authservId: AUTHSERV_ID, allowFrom },
      secrets: { EMAIL_PASSWORD: "the-password" },
    });
  },
  idOf,
  network: mailNetwork,
  receives: { line: "UID SEARCH" },
  // It stands once in each mail, and no mail without it is taken.
  sends: { line: "MIME-Version: 1.0" },
  groups: true,
  threads: true,
  media: true,
  replies: true,
  revokes: true,
  dated: true,
});
