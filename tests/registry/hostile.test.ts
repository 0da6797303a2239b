/** What somebody tries who wants more of a registry's server than it gives. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { createSigner } from "../../registry/trust/key.ts";
import type { Signed } from "../../registry/trust/metadata.ts";
import { createCliHome } from "../support/cli.ts";
import { parcel, post } from "./parcel.ts";
import { withServer } from "./timed-server.ts";

test("what publishers say is text on a page, and so is what is searched for", async () => {
  await withServer({}, async ({ server, parcel }) => {
    const summary = `<img src=x onerror=alert(1)> "weather" \u202eevil`;
    const yanked = { at: "2031-05-04T10:00:00Z", reason: "</p><script>alert(2)</script>" };
    const sent = await parcel("ada", createSigner().signer, "weather", { notes: { summary, yanked } });
    expect(await post(server.url, sent)).toMatchObject({ status: 201 });
    for (const path of ["/", "/plugins/weather", `/?q=${encodeURIComponent('"><script>alert(3)</script>weather')}`, "/?q=weather"]) {
      const response = await fetch(`${server.url}${path}`);
      const html = await response.text();
      expect([response.status, html.match(/<(script|img)/g), html.includes("\u202e")]).toEqual([200, null, false]);
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    expect(await (await fetch(`${server.url}/plugins/weather`)).text()).toContain("&#60;img src=x");
  });
});

test("no name, version or tag leads out of its place, and no header is put in", async () => {
  await withServer({}, async ({ server, parcel }) => {
    const { signer } = createSigner();
    const renamed = (to: string) => (list: Signed<"targets">) => ({ ...list, targets: { [to]: Object.values(list.targets)[0]! } });
    for (const path of [
      "../../server.json",
      "plugins/../1.0.0.tgz",
      "plugins/aa/weather/../../x.tgz",
      "/etc/passwd",
      "plugins/aa/weather/1.0.0.tgz\r\nx: y",
    ])
      expect([400, 422]).toContain((await post(server.url, await parcel("ada", signer, "weather", { change: renamed(path) }))).status);
    for (const tag of ["../latest", "a b", "LATEST", "x\r\ny", "__proto__"])
      expect(await post(server.url, await parcel("ada", signer, "weather", { notes: { tags: [tag] } }))).toMatchObject({
        status: 422,
        code: "REGISTRY_METADATA_INVALID",
      });
    for (const path of ["/plugins/%0d%0aset-cookie:%20a=b", "/api/v1/packages/plugins/..%2f..%2fserver.json", "/plugins/__proto__"]) {
      const response = await fetch(`${server.url}${path}`);
      expect([path, response.status, response.headers.get("set-cookie")]).toEqual([path, 404, null]);
    }
    for (const q of ['"', "a AND", "NEAR(a, 3)", "id:*", "{id} : a", "a*b", "-", "^a", "\u0000", "(((", "a OR".repeat(30)])
      for (const path of ["/", "/api/v1/search", "/clawhub/api/v1/search"])
        expect([q, path, (await fetch(`${server.url}${path}?q=${encodeURIComponent(q)}`)).status]).toEqual([q, path, 200]);
  });
});

testWith("bubblewrap")(
  "on a full disk a publication is refused, nothing of it is kept, and everything else is answered",
  async () => {
    await using cli = createCliHome();
    const at = mkdtempSync(join(tmpdir(), "pincer-full-"));
    const folder = join(at, "registry");
    mkdirSync(folder);
    // A disk of its own, of three megabytes, seen by this server alone.
    const [init, serve] = [
      [...cli.command, "registry", "init", folder],
      [...cli.command, "registry", "serve", folder, "--port", "0", "--json"],
    ].map((words) => words.map((word) => `'${word}'`).join(" "));
    const disk = ["--dev-bind", "/", "/", "--size", String(3 * 2 ** 20), "--tmpfs", folder, "--die-with-parent"];
    const started = Bun.spawn(["bwrap", ...disk, "/bin/sh", "-c", `${init} >/dev/null && exec ${serve}`], {
      env: cli.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      const reader = started.stdout.getReader();
      let told = "";
      while (!told.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the server ended: ${await new Response(started.stderr).text()}`);
        told += Buffer.from(value).toString();
      }
      const { url, pid } = JSON.parse(told.slice(0, told.indexOf("\n"))) as { url: string; pid: number };
      const send = async (id: string, bytes: number) => {
        const data = crypto.getRandomValues(Buffer.alloc(60_000)).toString("base64");
        const files = {
          "data.txt":
            Array.from({ length: Math.ceil(bytes / 60_000) }, () => crypto.getRandomValues(Buffer.alloc(45_000)).toString("base64")).join(
              "",
            ) + data,
        };
        const release = { kind: "plugins", id, version: "1.0.0" } as const;
        return post(
          url,
          await parcel({ url, publisher: `of-${id}`, signer: createSigner().signer, release, now: systemClock.now(), files }),
        );
      };
      expect(await send("small-one", 1000)).toMatchObject({ status: 201 });
      expect(await send("large-one", 4 * 2 ** 20)).toMatchObject({ status: 507, code: "REGISTRY_FULL" });
      expect((await fetch(`${url}/api/v1/packages/plugins/large-one`)).status).toBe(404);
      expect((await fetch(`${url}/metadata/timestamp.json`)).status).toBe(200);
      expect((await fetch(`${url}/api/v1/search?q=small`)).status).toBe(200);
      const left = readdirSync(join("/proc", String(pid), "root", folder), { recursive: true, encoding: "utf8" });
      expect(left.filter((path) => path.includes("large-one/") || path.endsWith(".next"))).toEqual([]);
      expect(await send("third-one", 1000)).toMatchObject({ status: 201 });
    } finally {
      started.kill("SIGKILL");
      await started.exited;
      rmSync(at, { recursive: true, force: true });
    }
  },
  120_000,
);
