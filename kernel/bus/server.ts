/** The listening socket: Bun's server, with what it must never do by itself turned off. */
import { constants } from "node:crypto";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Server, WebSocketHandler } from "bun";
import type { Door } from "../access/decision.ts";
import type { SocketData } from "./connection.ts";
import { busErrors } from "./errors.ts";
import { doorOf, failure, hostAllowed, refuseHost } from "./http.ts";
import type { BusSettings } from "./settings.ts";

export interface Sockets extends Pick<WebSocketHandler<SocketData>, "open" | "message" | "drain" | "pong" | "close"> {
  /** Why no further socket is taken just now, or `undefined`. */
  full(): string | undefined;
}

/** Seconds after which Bun lets go of a socket that was closed while its peer had stopped reading. */
const releaseSeconds = 60;
const oldTls = constants.SSL_OP_NO_TLSv1 | constants.SSL_OP_NO_TLSv1_1 | constants.SSL_OP_NO_TLSv1_2;
const addresses: Readonly<Record<string, string>> = { loopback: "127.0.0.1", lan: "0.0.0.0" };

/** Rejects with `BUS_LISTEN_FAILED`. */
export async function listen(
  settings: () => BusSettings,
  http: (request: Request, door: Door) => Promise<Response>,
  sockets: Sockets,
): Promise<Server<SocketData>> {
  const { port, bind, bodyBytes, frameBytes, tls } = settings();
  const hostname = addresses[bind] ?? bind;
  try {
    return Bun.serve<SocketData>({
      port,
      hostname,
      development: false,
      // Otherwise a Bun that is not in development shares the port with whoever has it already.
      reusePort: false,
      maxRequestBodySize: bodyBytes,
      // Handlers stream for as long as they like; what hangs is theirs to end.
      idleTimeout: 0,
      ...(tls ? { tls: { ...(await certificate(tls)), secureOptions: oldTls } } : {}),
      fetch(request, server) {
        const door = doorOf(request, server.requestIP(request)?.address ?? "");
        if (!hostAllowed(door, settings())) return refuseHost(door);
        if (door.headers.upgrade?.toLowerCase() !== "websocket") return http(request, door);
        const full = sockets.full();
        if (full !== undefined) return failure(503, "api_error", full, { "retry-after": "1" });
        if (server.upgrade(request, { data: { door } })) return undefined;
        return failure(400, "invalid_request_error", "the upgrade to a WebSocket is not complete");
      },
      error: () => failure(500, "api_error", "internal error"),
      websocket: {
        ...sockets,
        maxPayloadLength: frameBytes,
        // The bus counts unread bytes itself, so that it can say why it closes.
        backpressureLimit: 0,
        perMessageDeflate: false,
        sendPings: false,
        idleTimeout: releaseSeconds,
      },
    });
  } catch (error) {
    const taken = (error as { code?: unknown }).code === "EADDRINUSE";
    const advice = taken ? "another program uses it; stop that one or set another gateway.port" : errorMessage(error);
    throw busErrors.BUS_LISTEN_FAILED(`cannot listen on ${hostname}:${port}: ${advice}`, { cause: error });
  }
}

async function certificate({ keyFile, certFile }: NonNullable<BusSettings["tls"]>) {
  const [key, cert] = await Promise.all([keyFile, certFile].map((file) => Bun.file(file).text()));
  return { key, cert };
}
