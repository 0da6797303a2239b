/** A wire between a client that is not ours and a gateway: it shows each frame to a recorder, and can lose one. */
import type { Server, ServerWebSocket } from "bun";
import type { Direction } from "./recorder.ts";

type Frame = Readonly<Record<string, unknown>>;

export interface Tap extends AsyncDisposable {
  /** Where clients connect. */
  readonly url: string;
  readonly frames: readonly { readonly direction: Direction; readonly frame: Frame }[];
  /** Where the gateway is now; connections that are open stay where they are. */
  target: string;
  /** The next frame to a client that matches does not arrive. Resolves with it. */
  lose(matches: (frame: Frame) => boolean): Promise<Frame>;
}

interface Line {
  readonly upstream: WebSocket;
  readonly early: string[];
}

interface TapOptions {
  /** Sent to the gateway, as a proxy between the two would. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onFrame?: (direction: Direction, frame: Frame) => void;
}

/** What a close frame may carry that is sent on purpose; others stand for a broken line. */
const isSendable = (code: number) => code === 1000 || (code >= 1007 && code <= 1014 && code !== 1010) || code >= 3000 || code === 1002;

export function startTap(target: string, { onFrame, headers = {} }: TapOptions = {}): Tap {
  const frames: { direction: Direction; frame: Frame }[] = [];
  let losing: { matches: (frame: Frame) => boolean; lost(frame: Frame): void } | undefined;
  const see = (direction: Direction, text: string): Frame | undefined => {
    try {
      const frame = JSON.parse(text) as Frame;
      frames.push({ direction, frame });
      onFrame?.(direction, frame);
      return frame;
    } catch {
      return undefined; // silent-ok: text that is no frame is passed on as it came
    }
  };

  const server: Server<Line | undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, at) => (at.upgrade(request, { data: undefined }) ? undefined : new Response("a socket is expected", { status: 426 })),
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      open(client: ServerWebSocket<Line | undefined>) {
        const upstream = new WebSocket(tap.target, { headers } as never);
        const early: string[] = [];
        client.data = { upstream, early };
        upstream.onopen = () => {
          for (const text of early.splice(0)) upstream.send(text);
        };
        upstream.onmessage = ({ data }) => {
          const text = String(data);
          const frame = see("in", text);
          if (frame !== undefined && losing?.matches(frame)) {
            losing.lost(frame);
            losing = undefined;
          } else client.send(text);
        };
        upstream.onclose = ({ code, reason }) => (isSendable(code) ? client.close(code, reason) : client.terminate());
      },
      message({ data: line }, message) {
        const text = String(message);
        see("out", text);
        if (line === undefined) return;
        if (line.upstream.readyState === WebSocket.OPEN) line.upstream.send(text);
        else line.early.push(text);
      },
      close({ data: line }) {
        line?.upstream.close();
      },
    },
  });

  const tap: Tap = {
    url: `ws://127.0.0.1:${server.port}`,
    frames,
    target,
    lose: (matches) =>
      new Promise((resolve) => {
        losing = { matches, lost: resolve };
      }),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return tap;
}
