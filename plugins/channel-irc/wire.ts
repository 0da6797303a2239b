/** The socket: encrypted, with a certificate that was looked at before anything is said, and lines out of what comes. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Settings } from "./config.ts";

/** Of one line with its tags; what is longer is no IRC, and is not kept. */
const MOST_LINE_BYTES = 64 * 1024;

export interface Wire {
  write(line: string): void;
  /** Ends with the connection; throws when it broke. */
  lines(): AsyncGenerator<string, void, void>;
  /** Nothing more is written. */
  end(): void;
  destroy(): void;
}

const unavailable = (message: string) => channelErrors.CHANNEL_UNAVAILABLE(message);

/** Why the certificate is not the pinned one; undefined when it is. */
function look(socket: TLSSocket, { host, port, fingerprint }: Settings): Error | undefined {
  const shown = socket.getPeerCertificate().fingerprint256?.replaceAll(":", "").toLowerCase();
  if (fingerprint === undefined || shown === fingerprint) return undefined;
  return unavailable(`${host}:${port} shows another certificate than the pinned one: expected ${fingerprint}, came ${shown ?? "none"}`);
}

/** What a refused certificate is called by the system. */
const isOfCertificate = (code: string): boolean => /CERT|ALTNAME|SIGNATURE|_CRL/.test(code);

function whyNotOpened(error: unknown, { host, port, tls }: Settings): string {
  const { code } = error as { readonly code?: unknown };
  const how = typeof code === "string" ? ` (${code})` : "";
  if (typeof code === "string" && isOfCertificate(code))
    return `${host}:${port} shows a certificate that is not trusted${how}: is it the right server? One that signs for itself is pinned with channels.irc.fingerprint`;
  return `${host}:${port} cannot be reached${how}: is channels.irc.server right${tls ? ", and is TLS spoken there" : ""}?`;
}

function open(settings: Settings): Socket {
  const { host, port, tls, certificate, fingerprint } = settings;
  if (!tls) return connectPlain({ host, port });
  return connectTls({
    host,
    port,
    // No name is sent for an address.
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    // What is pinned is looked at by itself, before anything is said.
    rejectUnauthorized: fingerprint === undefined,
    ...(certificate !== undefined && { cert: certificate, key: certificate }),
  });
}

/** Throws `CHANNEL_UNAVAILABLE`. */
export async function openWire(settings: Settings, signal: AbortSignal): Promise<Wire> {
  const { host, port, tls } = settings;
  const socket = open(settings);
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => socket.destroy(new Error("asked to end"));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once(tls ? "secureConnect" : "connect", resolve);
  socket.once("close", () => reject(new Error("closed")));
  // Stays: an error that nobody listens to would end the process.
  socket.on("error", reject);
  try {
    signal.throwIfAborted();
    await opened;
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw signal.reason;
    throw unavailable(whyNotOpened(error, settings));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  const wrong = tls ? look(socket as TLSSocket, settings) : undefined;
  if (wrong) {
    socket.destroy();
    throw wrong;
  }
  return {
    write: (line) => void socket.write(`${line}\r\n`),
    async *lines() {
      let rest: Buffer = Buffer.alloc(0);
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let begin = 0;
        for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10, begin)) {
          yield textOf(rest.subarray(begin, at));
          begin = at + 1;
        }
        rest = rest.subarray(begin);
        if (rest.length > MOST_LINE_BYTES) throw unavailable(`${host}:${port} sent ${rest.length} bytes without the end of a line`);
      }
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}

/** UTF-8; what is none was written by a client of the last century, in Latin 1. */
function textOf(bytes: Uint8Array): string {
  const line = bytes.at(-1) === 13 ? bytes.subarray(0, -1) : bytes;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return Buffer.from(line).toString("latin1"); // silent-ok: read as what it is then
  }
}
