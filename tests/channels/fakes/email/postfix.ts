/** A real server, Postfix, on loopback, out of a folder of its own: one port for strangers, who are judged, and two for those who log in. */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dovecot, VMAIL } from "./dovecot.ts";
import { freePort, greeted, withServers } from "./ports.ts";

/** How it calls itself in Authentication-Results. */
export const AUTHSERV_ID = "mx.pincer.test";

const QUEUES = "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace".split(" ");

export interface Postfix extends AsyncDisposable {
  /** For other servers, without a login. */
  readonly port: number;
  /** For who logs in: with STARTTLS, and with TLS. */
  readonly submissionPort: number;
  readonly tlsPort: number;
}

/** `senders`: by address, what it finds out about mails of theirs; nothing about others. */
export async function startPostfix(
  dovecot: Dovecot,
  addresses: readonly string[],
  senders: Readonly<Record<string, string>>,
): Promise<Postfix> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-postfix-"));
  chmodSync(folder, 0o755);
  const [port, submissionPort, tlsPort] = [await freePort(), await freePort(), await freePort()];
  for (const name of ["queue", "queue/pid", "etc"]) mkdirSync(join(folder, name));
  const uid = Number(Bun.spawnSync(["id", "-u", "postfix"]).stdout.toString());
  for (const name of ["data", ...QUEUES.map((name) => `queue/${name}`)]) {
    mkdirSync(join(folder, name));
    chownSync(join(folder, name), uid, 0);
  }
  const inline = (map: Readonly<Record<string, string>>) =>
    `inline:{ ${Object.entries(map)
      .map(([key, value]) => `{ ${key} = ${value} }`)
      .join(", ")} }`;
  writeFileSync(
    join(folder, "etc/main.cf"),
    `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.pincer.test
mydestination =
mynetworks =
alias_maps =
alias_database =
smtp_dns_support_level = disabled
virtual_mailbox_domains = pincer.test, example.test
virtual_mailbox_base = ${join(dovecot.folder, "mail")}
virtual_mailbox_maps = ${inline(Object.fromEntries(addresses.map((address) => [address, `${address}/`])))}
virtual_uid_maps = static:${VMAIL}
virtual_gid_maps = static:${VMAIL}
smtpd_tls_cert_file = ${dovecot.cert}
smtpd_tls_key_file = ${dovecot.key}
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${dovecot.authSocket}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_sender_restrictions = check_sender_access ${inline(
      Object.fromEntries(Object.entries(senders).map(([who, found]) => [who, `PREPEND Authentication-Results: ${AUTHSERV_ID}; ${found}`])),
    )}
header_size_limit = 102400
message_size_limit = 20000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
`,
  );
  const submission =
    "-o smtpd_sasl_auth_enable=yes -o smtpd_sender_restrictions= -o smtpd_relay_restrictions=permit_sasl_authenticated,reject";
  const services = [
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
  ];
  const more = [
    "rewrite trivial-rewrite",
    "bounce bounce",
    "defer bounce",
    "trace bounce",
    "verify verify",
    "error error",
    "retry error",
    "discard discard",
    "virtual virtual",
    "proxymap proxymap",
    "anvil anvil",
    "scache scache",
  ];
  writeFileSync(
    join(folder, "etc/master.cf"),
    [
      `127.0.0.1:${port} inet n - n - - smtpd`,
      `127.0.0.1:${submissionPort} inet n - n - - smtpd ${submission} -o smtpd_tls_security_level=encrypt`,
      `127.0.0.1:${tlsPort} inet n - n - - smtpd ${submission} -o smtpd_tls_wrappermode=yes`,
      ...services,
      ...more.map((line) => {
        const [name, program] = line.split(" ");
        const most = program === "anvil" || program === "scache" ? "1" : "-";
        return `${name} unix - ${program === "virtual" ? "n" : "-"} n - ${most} ${program}`;
      }),
      "postlog unix-dgram n - n - 1 postlogd",
      "",
    ].join("\n"),
  );
  const log = join(folder, "log");
  const { promise: started, resolve } = Promise.withResolvers<void>();
  const watcher = watch(folder, () => {
    if (existsSync(log) && readFileSync(log, "utf8").includes("daemon started")) resolve();
  });
  const programs = Bun.spawnSync(["postconf", "-dh", "daemon_directory"], { env: withServers }).stdout.toString().trim();
  // Its supervisor itself: the command around it looks at the whole installation first, which takes seconds.
  const server = Bun.spawn([join(programs, "master"), "-c", join(folder, "etc"), "-d"], {
    stdout: "ignore",
    stderr: "ignore",
    env: { ...withServers, MAIL_CONFIG: join(folder, "etc") },
  });
  await Promise.race([started, server.exited.then((code) => Promise.reject(new Error(`postfix has ended with ${code}`)))]);
  watcher.close();
  await greeted(port);
  await greeted(submissionPort);
  return {
    ...{ port, submissionPort, tlsPort },
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
