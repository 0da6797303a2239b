/** The listening socket: Bun's server, with what it must never do by itself turned off. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import { busErrors } from "@pincer/plugin-sdk/wire/errors";
import type { Server } from "bun";
import { doorOf, hostAllowed } from "../access/door.ts";
import { nodeCrypto } from "../builtin.ts";
import type { Connection } from "./connection.ts";
import { type createHttp, failure, refuseHost } from "./http.ts";
import type { BusSettings } from "./settings.ts";
import type { Sockets } from "./sockets.ts";

const addresses: Readonly<Record<string, string>> = { loopback: "127.0.0.1", lan: "0.0.0.0" };

const toSeconds = (ms: number, most: number) => Math.min(most, Math.ceil(ms / 1_000));

/** Rejects with `BUS_LISTEN_FAILED`. */
export async function listen(
  settings: () => BusSettings,
  http: ReturnType<typeof createHttp>,
  sockets: Sockets,
): Promise<Server<Connection>> {
  const { port, bind, bodyBytes, frameBytes, idleMs, tickMs, pongMs, tls } = settings();
  const hostname = addresses[bind] ?? bind;
  try {
    return Bun.serve<Connection>({
      port,
      hostname,
      development: false,
      // Otherwise a Bun that is not in development shares the port with whoever has it already.
      reusePort: false,
      maxRequestBodySize: bodyBytes,
      idleTimeout: toSeconds(idleMs, 255),
      ...(tls ? { tls: { ...(await certificate(tls)), secureOptions: noOldTls() } } : {}),
      fetch(request, server) {
        const door = doorOf(request, server.requestIP(request)?.address ?? "");
        if (!hostAllowed(door, settings())) return refuseHost(door);
        if (door.headers.upgrade?.toLowerCase() !== "websocket") return http(request, door, server);
        const data = sockets.knock(door);
        if (typeof data === "string") return failure(503, "api_error", data, { "retry-after": "1" });
        if (server.upgrade(request, { data })) return undefined;
        return failure(400, "invalid_request_error", "the upgrade to a WebSocket is not complete");
      },
      error: () => failure(500, "api_error", "internal error"),
      websocket: {
        ...sockets.handlers,
        maxPayloadLength: frameBytes,
        // The bus counts unread bytes itself, so that it can say why it closes.
        backpressureLimit: 0,
        perMessageDeflate: false,
        sendPings: false,
        // A peer that is asked for a pong every tick is never idle so long; this lets go of what was closed while its peer did not read.
        idleTimeout: toSeconds(2 * tickMs + pongMs, 960),
      },
    });
  } catch (error) {
    const taken = (error as { code?: unknown }).code === "EADDRINUSE";
    const advice = taken ? "another program uses it; pincer config set gateway.port <port> takes another" : errorMessage(error);
    throw busErrors.BUS_LISTEN_FAILED(`cannot listen on ${hostname}:${port}: ${advice}`, { cause: error });
  }
}

function noOldTls(): number {
  const { SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2 } = nodeCrypto().constants;
  return SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2;
}

async function certificate({ keyFile, certFile }: NonNullable<BusSettings["tls"]>) {
  const [key, cert] = await Promise.all([keyFile, certFile].map((file) => Bun.file(file).text()));
  return { key, cert };
}
