/** At real servers, Dovecot and Postfix: the way of a mail from another server to the assistant and back. */

import { expect } from "bun:test";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { testUnless, testWith } from "@pincer/plugin-sdk/testing/needs";
import { ada, pincer, startHouse } from "../../tests/channels/email-house.ts";
import { startDovecot } from "../../tests/channels/fakes/email/dovecot.ts";
import { letter, mailTo } from "../../tests/channels/fakes/email/person.ts";
import { startPostfix } from "../../tests/channels/fakes/email/postfix.ts";

/** Postfix changes to users of its own, which only root may. */
const asRoot = process.getuid?.() === 0 ? undefined : "Postfix is started by root alone";
const test = asRoot === undefined ? testWith("dovecot", "postfix") : testUnless("postfix", asRoot);

const field = (mail: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(.*(?:\\n[ \\t].*)*)`, "im").exec(mail.replaceAll("\r\n", "\n"))?.[1]?.replace(/\n\s*/g, " ");

/** Where they are found. */
const SERVERS = { PATH: `${process.env["PATH"]}:/usr/sbin` };

inEveryMode("at real servers", (mode, inMode) => {
  // In a process it is skipped where nothing can be confined, and where the servers are missing.
  if (
    mode === "loopback" ||
    (mode === "process" && (asRoot !== undefined || !Bun.which("dovecot", SERVERS) || !Bun.which("postfix", SERVERS)))
  )
    return;
  (mode === "process" ? inMode : test)("a mail is answered in its exchange, and the answer is kept among what was sent", async () => {
    await using dovecot = await startDovecot({ users: { [pincer]: "the-password", [ada]: "hers" } });
    await using postfix = await startPostfix(dovecot, [pincer, ada], { [ada]: "dmarc=pass header.from=example.test" });
    await using house = await startHouse({ imap: dovecot.port, smtp: postfix.submissionPort }, { mode });
    await house.connected();
    const mail = letter({ from: ada, to: pincer, text: "hello", header: { "Message-ID": "<first@example.test>" } });
    await mailTo(postfix.port, { from: ada, to: pincer }, mail);
    expect(await house.heard(0)).toContain('[mail, subject "A word"; authenticated by mx.pincer.test (dmarc=pass)]\nhello\n');
    const answer = await house.found(() => dovecot.mails(ada)[0]);
    expect(field(answer, "from")).toBe(`Pincer <${pincer}>`);
    expect(field(answer, "subject")).toBe("Re: A word");
    expect(field(answer, "in-reply-to")).toBe("<first@example.test>");
    expect(field(answer, "references")).toBe("<first@example.test>");
    expect(field(answer, "auto-submitted")).toBe("auto-replied");
    const kept = await house.found(() => dovecot.mails(pincer, "Sent")[0]);
    expect(field(kept, "message-id")).toBe(field(answer, "message-id")!);

    const next = letter({
      from: ada,
      to: pincer,
      text: "and now?",
      header: { References: `<first@example.test> ${field(answer, "message-id")}`, "In-Reply-To": field(answer, "message-id")! },
    });
    await mailTo(postfix.port, { from: ada, to: pincer }, next);
    await house.heard(1);
    expect(JSON.stringify(house.kit.model.models[1]?.request.messages)).toMatch(/hello.*fine.*and now/s);
    await house.found(() => dovecot.mails(ada)[1]);
  });
});

test("both servers are spoken to in TLS from the first byte, and not at all with a certificate that nobody vouches for", async () => {
  await using dovecot = await startDovecot({ users: { [pincer]: "the-password", [ada]: "hers" } });
  await using postfix = await startPostfix(dovecot, [pincer, ada], {});
  const ports = { imap: dovecot.tlsPort, smtp: postfix.tlsPort };
  const tls = { imapSecurity: "tls", smtpSecurity: "tls" };
  {
    await using house = await startHouse(ports, { config: tls });
    await house.connected();
    await house.kit.call("send", { channel: "email", to: ada, message: "good morning", idempotencyKey: "1" });
    const mail = await house.found(() => dovecot.mails(ada)[0]);
    expect([field(mail, "subject"), field(mail, "auto-submitted"), field(mail, "in-reply-to")]).toEqual([
      "good morning",
      "auto-generated",
      undefined,
    ]);
  }
  await using doubting = await startHouse(ports, { config: { ...tls, ca: undefined } });
  const { lastError } = await doubting.until((account) => account["lastError"] !== null);
  expect(lastError).toContain("channels.email.ca");
});

test("a wrong password is told as such", async () => {
  await using dovecot = await startDovecot({ users: { [pincer]: "the-password", [ada]: "hers" } });
  await using postfix = await startPostfix(dovecot, [pincer, ada], { [ada]: "dkim=pass header.d=example.test" });
  await using house = await startHouse({ imap: dovecot.port, smtp: postfix.submissionPort }, { config: { password: "wrong" } });
  const { lastError } = await house.until((account) => account["healthState"] === "login-required");
  expect(lastError).toContain("does not accept the login");
  expect(lastError).not.toContain("wrong ");
});

test("a message that the server refuses is told as refused", async () => {
  await using dovecot = await startDovecot({ users: { [pincer]: "the-password", [ada]: "hers" } });
  await using postfix = await startPostfix(dovecot, [pincer, ada], {});
  await using house = await startHouse({ imap: dovecot.port, smtp: postfix.submissionPort });
  await house.connected();
  const sent = house.kit.call("send", { channel: "email", to: "nobody@example.test", message: "hello", idempotencyKey: "1" });
  await expect(sent).rejects.toMatchObject({ message: expect.stringContaining("550") });
});
