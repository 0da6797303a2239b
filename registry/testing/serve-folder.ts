/** A registry's folder as any web server of static files has it. */
import { join } from "node:path";

export interface ServedFolder extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
}

/** `onAsked`: told each path that is asked for. */
export function serveFolder(folder: string, onAsked: (path: string) => void = () => undefined): ServedFolder {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const path = decodeURIComponent(new URL(request.url).pathname);
      onAsked(path);
      const file = Bun.file(join(folder, path));
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}
