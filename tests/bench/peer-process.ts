/**
 * The other end of a unix socket, in a process of its own on the measured core. `bun peer-process.ts bare|peer <socket>` connects to it:
 * `bare` writes back what comes, `peer` serves a plugin's side. Ends when the socket closes.
 */
import { join } from "node:path";
import { frameSocket } from "@pincer/plugin-sdk/runtime/frames";
import { Peer, type Served } from "@pincer/plugin-sdk/runtime/peer";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { pinned } from "./machine.ts";

export type OtherEnd = "bare" | "peer";

export function startOtherEnd(kind: OtherEnd, socket: string): AsyncDisposable {
  const command = [...pinned("measured"), process.execPath, join(import.meta.dir, "peer-process.ts"), kind, socket];
  const child = Bun.spawn(command, { stdout: "inherit", stderr: "inherit" });
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

const served: Served = {
  call: async (_, params) => params,
  async *stream(_, items) {
    for (let n = 0; n < Number(items); n++) yield { type: "text", text: " token" };
    return { stopReason: "stop" };
  },
};

const leave = () => process.exit(0);

async function connectBare(unix: string): Promise<void> {
  let rest: Uint8Array[] = [];
  const write = (socket: { write(bytes: Uint8Array): number }) => {
    for (let chunk = rest.shift(); chunk; chunk = rest.shift()) {
      const taken = Math.max(0, socket.write(chunk));
      if (taken === chunk.length) continue;
      rest = [chunk.subarray(taken), ...rest];
      return;
    }
  };
  const data = (socket: { write(bytes: Uint8Array): number }, chunk: Uint8Array) => {
    if (rest.push(chunk) === 1) write(socket);
  };
  await Bun.connect({ unix, socket: { data, drain: write, close: leave } });
}

if (import.meta.main) {
  const [kind, unix = ""] = process.argv.slice(2);
  const peer = new Peer({ clock: systemClock, served, abortMs: 5_000, tellsFaults: true });
  if (kind === "bare") await connectBare(unix);
  else await Bun.connect({ unix, socket: frameSocket(peer, { onEnd: leave }) });
}
