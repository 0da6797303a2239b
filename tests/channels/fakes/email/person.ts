/** Somebody at another server, who hands mails to a server over SMTP. */
import { connect } from "node:net";

interface Letter {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly header?: Readonly<Record<string, string>>;
}

/** The mail as it is sent. */
export const letter = ({ from, to, text, header = {} }: Letter): string =>
  [
    ...Object.entries({
      From: from,
      To: to,
      Subject: "A word",
      Date: new Date().toUTCString(),
      "Message-ID": `<${crypto.randomUUID()}@example.test>`,
      "Content-Type": "text/plain; charset=utf-8",
      ...header,
    }).map(([name, value]) => `${name}: ${value}`),
    "",
    text,
    "",
  ].join("\r\n");

/** Resolves once the server has taken it; rejects with what it says instead. */
export async function mailTo(port: number, envelope: { readonly from: string; readonly to: string }, mail: string): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  const steps = [
    "EHLO example.test",
    `MAIL FROM:<${envelope.from}>`,
    `RCPT TO:<${envelope.to}>`,
    "DATA",
    `${mail.replace(/^\./gm, "..")}\r\n.`,
    "QUIT",
  ];
  let rest = "";
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      rest += chunk.toString();
      const last = /^(\d{3}) .*\r\n$/m.exec(rest);
      if (!last || !rest.endsWith("\r\n")) continue;
      if (Number(last[1]) >= 400) throw new Error(rest);
      rest = "";
      const step = steps.shift();
      if (step === undefined) return;
      socket.write(`${step}\r\n`);
    }
  } finally {
    socket.destroy();
  }
}
