/** A real server, ngIRCd, on loopback: plain on one port and encrypted on another, with a certificate that it signed itself. */

import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Ngircd extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  /** SHA-256 of its certificate, as `channels.irc.fingerprint` takes it. */
  readonly fingerprint: string;
  stop(): Promise<void>;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** A key and a certificate for this machine, signed by themselves, in these files. */
export function signItself(key: string, cert: string): void {
  const subject = ["-subj", "/CN=irc.test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = Bun.spawnSync([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    ...subject,
    "-keyout",
    key,
    "-out",
    cert,
  ]);
  if (made.exitCode !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
}

/** `ports`: of a server that was stopped, to start it where it was. */
export async function startNgircd(ports?: { readonly port: number; readonly tlsPort: number }): Promise<Ngircd> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-ngircd-"));
  const { port, tlsPort } = ports ?? { port: await freePort(), tlsPort: await freePort() };
  const [key, cert, config] = ["key.pem", "cert.pem", "ngircd.conf"].map((name) => join(folder, name)) as [string, string, string];
  signItself(key, cert);
  writeFileSync(
    config,
    `[Global]
Name = irc.test
Info = A server of a test
AdminEMail = admin@irc.test
Listen = 127.0.0.1
Ports = ${port}
MotdPhrase = Welcome
ServerUID = ${process.getuid?.() ?? 0}
ServerGID = ${process.getgid?.() ?? 0}
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 20
MaxPenaltyTime = -1
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
CertFile = ${cert}
KeyFile = ${key}
Ports = ${tlsPort}
`,
  );
  const server = Bun.spawn(["ngircd", "-n", "-f", config], { stdout: "pipe", stderr: "pipe" });
  let said = "";
  const ready = (async () => {
    for await (const text of server.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.includes(`:${tlsPort}`) || /Now listening on .*\n[\s\S]*Now listening on/.test(said)) return;
    }
    throw new Error(`ngircd has ended: ${said}`);
  })();
  await ready;
  const stop = async () => {
    server.kill();
    await server.exited;
  };
  return {
    port,
    tlsPort,
    fingerprint: new X509Certificate(readFileSync(cert)).fingerprint256,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
