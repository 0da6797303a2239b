/** A real server, Dovecot, on loopback, out of a folder of its own: IMAP with STARTTLS on one port and TLS on another, and the logins for Postfix. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificate, key } from "../../../support/self-signed.ts";
import { freePort, greeted, saying, withServers } from "./ports.ts";

/** Owns the mails; nobody else on this machine. */
export const VMAIL = 5000;

export interface Dovecot extends AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  /** Files of its certificate and key, which Postfix shows as well. */
  readonly cert: string;
  readonly key: string;
  /** Where Postfix asks about logins. */
  readonly authSocket: string;
  /** Folder of a mailbox (Maildir). */
  maildir(address: string): string;
  /** Puts a mail into the inbox, as a server does that receives it. */
  deliver(address: string, mail: string): void;
  /** What lies in a folder, as it was stored. */
  mails(address: string, folder?: string): readonly string[];
  stop(): Promise<void>;
}

interface DovecotOptions {
  readonly users: Readonly<Record<string, string>>;
  /** Of a server that was stopped, to start it where it was. */
  readonly from?: Dovecot;
}

export async function startDovecot({ users, from }: DovecotOptions): Promise<Dovecot> {
  const folder = from?.folder ?? mkdtempSync(join(tmpdir(), "pincer-dovecot-"));
  chmodSync(folder, 0o755);
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  writeFileSync(files.cert, certificate);
  writeFileSync(files.key, key, { mode: 0o600 });
  const { port, tlsPort } = from ?? { port: await freePort(), tlsPort: await freePort() };
  const mail = join(folder, "mail");
  const maildir = (address: string) => join(mail, address);
  const own = (...parts: readonly string[]) => {
    mkdirSync(join(...parts), { recursive: true });
    chownSync(join(...parts), VMAIL, VMAIL);
  };
  own(mail);
  for (const address of Object.keys(users)) {
    own(maildir(address));
    for (const name of ["new", "cur", "tmp"]) own(maildir(address), name);
  }
  writeFileSync(
    join(folder, "users"),
    Object.entries(users)
      .map(([name, password]) => `${name}:{PLAIN}${password}\n`)
      .join(""),
  );
  writeFileSync(
    join(folder, "dovecot.conf"),
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <${files.cert}
ssl_key = <${files.key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:${mail}/%u
mail_uid = ${VMAIL}
mail_gid = ${VMAIL}
first_valid_uid = ${VMAIL}
mail_max_userip_connections = 50
default_vsz_limit = 512M
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = static
  args = uid=${VMAIL} gid=${VMAIL} home=${mail}/%u
}
namespace inbox {
  inbox = yes
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
    ssl = yes
  }
}
service auth {
  unix_listener ${folder}/auth-client {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
`,
  );
  const server = Bun.spawn(["dovecot", "-F", "-c", join(folder, "dovecot.conf")], { stdout: "ignore", stderr: "pipe", env: withServers });
  await saying(server.stderr, "starting up");
  await greeted(port);
  let count = 0;
  const inFolder = (address: string, name: string) => (name === "INBOX" ? maildir(address) : join(maildir(address), `.${name}`));
  return {
    ...{ folder, port, tlsPort, maildir },
    ...files,
    authSocket: join(folder, "auth-client"),
    deliver(address, text) {
      const name = `${Date.now()}.${process.pid}_${++count}.test`;
      const place = join(maildir(address), "tmp", name);
      writeFileSync(place, text.replaceAll(/\r?\n/g, "\r\n"));
      chownSync(place, VMAIL, VMAIL);
      renameSync(place, join(maildir(address), "new", name));
    },
    mails: (address, name = "INBOX") =>
      ["new", "cur"].flatMap((part) => {
        const place = join(inFolder(address, name), part);
        try {
          return readdirSync(place).map((file) => readFileSync(join(place, file), "utf8"));
        } catch {
          return []; // silent-ok: made with the first mail
        }
      }),
    async stop() {
      server.kill();
      await server.exited;
    },
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
