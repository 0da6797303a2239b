import { definePlugin } from "@pincer/plugin-sdk";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Nothing but our own files and our own socket. `data:` pictures are those that somebody attached. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export default definePlugin({
  setup(ctx) {
    ctx.route("/", { access: "open" }, async (request) => {
      if (request.method !== "GET" && request.method !== "HEAD")
        return new Response("Method Not Allowed", { status: 405, headers: { allow: "GET, HEAD" } });
      const { assets } = await import("./assets.generated.ts");
      const { pathname } = new URL(request.url);
      const asset = pathname.startsWith("/assets/") ? pathname.slice("/assets/".length) : undefined;
      const body = asset === undefined ? assets["index.html"] : Object.hasOwn(assets, asset) ? assets[asset] : undefined;
      if (body === undefined) return new Response("Not Found", { status: 404 });
      const etag = `"${Bun.hash(body).toString(36)}"`;
      const headers = {
        "content-type": TYPES[(asset ?? "index.html").split(".").at(-1) ?? ""] ?? "application/octet-stream",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        // Who opens it in a window cannot lead that window elsewhere, nor count its frames.
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
        etag,
      };
      if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
      return new Response(request.method === "HEAD" ? null : body, { headers });
    });
  },
});
