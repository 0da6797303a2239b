/** An SMTP server for one account that logs in (RFC 5321, RFC 4954). It does not take a mail that is no MIME, nor one for `nobody@`. */
import type { Client, Listener } from "./lines.ts";
import type { World } from "./world.ts";

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? "";

export function serveSmtp(world: World, odd: string[], client: Client): Listener {
  let isIn = false;
  let from = "";
  let to: string[] = [];
  let lines: string[] | undefined;

  function take(text: string): void {
    if (!/^MIME-Version: 1\.0\r?$/im.test(text)) return void client.write("554 5.6.0 no MIME\r\n");
    world.sent.push({ from, to, text });
    if (world.keepsSent) world.store("Sent", text);
    world.changed();
    client.write("250 2.0.0 taken\r\n");
  }

  client.write("220 smtp.test\r\n");
  return {
    line(text) {
      if (lines) {
        if (text !== ".") return void lines.push(text.replace(/^\.\./, "."));
        const mail = lines.join("\r\n");
        lines = undefined;
        return void take(mail);
      }
      const command = /^\S+/.exec(text)?.[0].toUpperCase() ?? "";
      if (!isIn && /^(MAIL|RCPT|DATA)$/.test(command)) return void client.write("530 5.7.0 log in first\r\n");
      switch (command) {
        case "EHLO":
          return void client.write("250-smtp.test\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 SIZE 30000000\r\n");
        case "AUTH": {
          const [, user, password] = Buffer.from(text.split(" ")[2] ?? "", "base64")
            .toString()
            .split("\0");
          isIn = user === world.user && password === world.password;
          return void client.write(isIn ? "235 2.7.0 in\r\n" : "535 5.7.8 wrong password\r\n");
        }
        case "MAIL":
          [from, to] = [addressIn(text), []];
          return void client.write("250 2.1.0 ok\r\n");
        case "RCPT":
          if (addressIn(text).startsWith("nobody@")) return void client.write("550 5.1.1 nobody\r\n");
          to.push(addressIn(text));
          return void client.write("250 2.1.5 ok\r\n");
        case "DATA":
          lines = [];
          return void client.write("354 go on\r\n");
        case "RSET":
          return void client.write("250 ok\r\n");
        case "QUIT":
          return void client.end("221 bye\r\n");
        default:
          odd.push(text);
          return void client.write("500 what?\r\n");
      }
    },
  };
}
