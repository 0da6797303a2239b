/** Hands a mail to the server that sends it, and knows afterwards whether it can have taken it. */
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { domainOf } from "./address.ts";
import type { Composed } from "./composing.ts";
import { loginRequired, type Settings } from "./config.ts";
import { saidBy, whyNotOpened } from "./mailbox.ts";

const LONGEST_RESPONSE = 64 * 1024;
const WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 900_000;

interface SmtpTrouble {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly responseCode?: unknown;
  readonly response?: unknown;
  readonly command?: unknown;
}

/** `451 4.7.1 Greylisted, try again in 300 seconds`: in servers' own words. */
function waitOf(said: string): number {
  const [, count = "", unit = ""] = /\b(\d{1,4})\s*(s|m)(?:ec|in|\b)/i.exec(said) ?? [];
  const ms = Number(count) * (unit.toLowerCase() === "m" ? 60_000 : 1_000);
  return ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : WAIT_MS;
}

const asksToWait = (status: number, said: string): boolean =>
  status === 421 || status === 452 || /\b4\.7\.\d|rate|too many|throttl|greylist/i.test(said);

/** `isHandedOver`: the whole mail has left, so that it may lie in the server's hands. */
function failureOf(error: unknown, settings: Settings, isHandedOver: boolean): Error {
  if (isGatewayError(error)) return error;
  const { code, originalCode, responseCode, response, command } = (error ?? {}) as SmtpTrouble;
  const { host, port } = settings.smtp;
  const said = saidBy(response, settings);
  if (typeof responseCode === "number" && responseCode >= 400) {
    const refusal = `${host} says: ${said}`;
    if (code === "EAUTH" && responseCode >= 500) {
      const where = settings.secret === undefined ? "put the right password where it stands" : `pincer secrets set ${settings.secret}`;
      return loginRequired(
        `${host} does not accept the login of ${settings.login} (${said})`,
        `${where}; many providers want a password for apps`,
      );
    }
    if (responseCode >= 500) return channelErrors.CHANNEL_REJECTED(refusal);
    return asksToWait(responseCode, said)
      ? channelErrors.CHANNEL_RATE_LIMITED(refusal, { retryAfterMs: waitOf(said) })
      : channelErrors.CHANNEL_UNAVAILABLE(refusal);
  }
  // Made out by the client itself, before anything was said.
  if (code === "EMESSAGE" || code === "EENVELOPE")
    return channelErrors.CHANNEL_REJECTED(`${host} does not take this mail: ${saidBy((error as Error).message, settings)}`);
  if (code === "EAUTH")
    return loginRequired(
      `${host} takes no login of the kind that is known here`,
      "look at channels.email.smtp and channels.email.smtpSecurity",
    );
  const how = typeof originalCode === "string" ? originalCode : typeof code === "string" ? code : undefined;
  if (isHandedOver)
    return channelErrors.CHANNEL_UNCERTAIN(`the connection to ${host}:${port} broke before it said whether it took the mail`);
  return channelErrors.CHANNEL_UNAVAILABLE(
    command === "CONN" || how === undefined
      ? `the connection to ${host}:${port} broke${how === undefined ? "" : ` (${how})`}`
      : whyNotOpened(how, "smtp", settings),
  );
}

/** Connected, and encrypted where it is from the first byte. Throws `CHANNEL_UNAVAILABLE`. */
async function openSocket(settings: Settings, signal: AbortSignal): Promise<Socket> {
  const { host, port, security } = settings.smtp;
  const socket =
    security === "tls"
      ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...(settings.ca !== undefined && { ca: settings.ca }) })
      : connectPlain({ host, port });
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => socket.destroy(new Error("asked to end"));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once(security === "tls" ? "secureConnect" : "connect", resolve);
  socket.once("close", () => reject(new Error("closed")));
  // Stays: an error that nobody listens to would end the process.
  socket.on("error", reject);
  try {
    signal.throwIfAborted();
    await opened;
    return socket;
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw signal.reason;
    const { code } = error as { readonly code?: unknown };
    throw channelErrors.CHANNEL_UNAVAILABLE(whyNotOpened(typeof code === "string" ? code : undefined, "smtp", settings));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

type Done = (error?: Error | null) => void;

/** A session in which the login was accepted; throws in the codes of `channelErrors`. */
async function inSession<T>(
  settings: Settings,
  clock: Clock,
  signal: AbortSignal,
  run: (connection: SMTPConnection, step: (begin: (done: Done) => void) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { smtp, ca, login, password, timeoutMs, address } = settings;
  using inTime = linkSignals(signal);
  using timer = clock.after(timeoutMs, () =>
    inTime.abort(channelErrors.CHANNEL_UNAVAILABLE(`${smtp.host}:${smtp.port} has not let anybody in for ${timeoutMs} ms`)),
  );
  const socket = await openSocket(settings, inTime.signal);
  const connection = new SMTPConnection({
    ...{ host: smtp.host, port: smtp.port, connection: socket },
    ...(smtp.security === "tls" && { secure: true, secured: true }),
    ...(smtp.security === "starttls" && { requireTLS: true }),
    ...(smtp.security === "none" && { ignoreTLS: true }),
    tls: ca === undefined ? {} : { ca },
    name: domainOf(address),
    logger: false,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    maxResponseSize: LONGEST_RESPONSE,
  });
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => undefined); // silent-ok: heard where something waits for it
  connection.on("error", reject);
  connection.once("end", () => reject(new Error("the server has ended the connection")));
  const onAbort = () => connection.close();
  inTime.signal.addEventListener("abort", onAbort, { once: true });
  if (inTime.signal.aborted) onAbort();
  const step = async (begin: (done: Done) => void): Promise<void> => {
    const { promise, resolve, reject: fail } = Promise.withResolvers<void>();
    begin((error) => (error ? fail(error) : resolve()));
    await Promise.race([promise, broken]);
  };
  try {
    await step((done) => connection.connect(done));
    await step((done) => connection.login({ user: login, pass: password, credentials: { user: login, pass: password } }, done));
    // From here on it is the mail that takes its time, as long as something moves.
    timer[Symbol.dispose]();
    return await run(connection, step);
  } catch (error) {
    if (inTime.signal.aborted) throw inTime.signal.reason;
    throw error;
  } finally {
    inTime.signal.removeEventListener("abort", onAbort);
    connection.quit();
    connection.close();
  }
}

/** Whether the server lets the account in. Throws in the codes of `channelErrors`. */
export async function tryLogin(settings: Settings, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await inSession(settings, clock, signal, async () => undefined);
  } catch (error) {
    throw signal.aborted ? signal.reason : failureOf(error, settings, false);
  }
}

/** Answers with those whom the server does not send it to. Throws in the codes of `channelErrors`. */
export async function transmit({ to, bytes }: Composed, settings: Settings, clock: Clock, signal: AbortSignal): Promise<readonly string[]> {
  let isHandedOver = false;
  let refused: readonly string[] = [];
  const message = Readable.from([bytes], { objectMode: false });
  message.once("end", () => {
    isHandedOver = true;
  });
  try {
    await inSession(settings, clock, signal, (connection, step) =>
      step((done) =>
        connection.send({ from: settings.address, to: [...to], size: bytes.length }, message, (error, info) => {
          refused = info?.rejected ?? [];
          done(error);
        }),
      ),
    );
    return refused;
  } catch (error) {
    if (signal.aborted && !isHandedOver) throw signal.reason;
    throw failureOf(error, settings, isHandedOver);
  }
}
