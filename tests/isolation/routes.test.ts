/** What a plugin that nobody trusts serves: under its own path, and as pages of nowhere. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { type HostKit, startHost, writePlugin } from "../fixtures/plugin-host.ts";

const folder = mkdtempSync(join(tmpdir(), "pincer-routes-"));
symlinkSync(join(dirname(dirname(import.meta.dir)), "node_modules"), join(folder, "node_modules"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serving = (...routes: readonly (readonly [path: string, answer: string])[]) => `
import { definePlugin } from "@pincer/plugin-sdk";
export default definePlugin({ setup(ctx) {
  ${routes.map(([path, answer]) => `ctx.route(${JSON.stringify(path)}, { access: "open" }, async (request) => ${answer});`).join("\n")}
} });`;

let count = 0;
async function start(code: string, guest: object = { isolation: "process" }): Promise<HostKit> {
  const installed = join(folder, String(count++));
  await writePlugin(join(folder, "made"), "guest", code);
  mkdirSync(join(installed, "guest"), { recursive: true });
  renameSync(join(folder, "made", "guest"), join(installed, "guest", "1"));
  return startHost({
    clock: systemClock,
    roots: [{ path: installed, layout: "installed", enabled: true }],
    config: { plugins: { guest } },
    prepare: async (plugins) => void (await writePlugin(plugins, "page", serving(["/", `new Response("the page")`]))),
  });
}
const served = async ({ host }: HostKit, path: string, init?: RequestInit): Promise<Response> =>
  host.routes.match(path)!.handle(new Request(`http://gateway${path}`, init));

test("it takes no path of the page's, and is told where it may serve", async () => {
  for (const path of ["/", "/assets", "/chat/x", "/plugins", "/plugins/other", "/plugins/guests"]) {
    await using kit = await start(serving([path, `new Response("the guest's")`]));
    expect([path, await (await served(kit, "/assets/page.js")).text()]).toEqual([path, "the page"]);
    await expect(kit.host.activate("guest")).rejects.toMatchObject({
      code: expect.stringMatching(/PLUGIN_(PERMISSION|CONFLICT)/),
      message: expect.stringMatching(/below \/plugins\/guest|belongs to page/),
    });
  }
});

test("one that the operator trusts serves where it likes", async () => {
  await using kit = await start(serving(["/assets", `new Response("the guest's", { headers: { "set-cookie": "a=b" } })`]), {
    unsandboxed: true,
  });
  const answer = await served(kit, "/assets/x");
  expect([await answer.text(), answer.headers.get("set-cookie")]).toEqual(["the guest's", "a=b"]);
});

testWith("bubblewrap")("its pages are of nowhere, and it is told nothing that a browser keeps for the gateway", async () => {
  const headers = {
    "content-type": "text/html",
    "content-security-policy": "sandbox allow-same-origin; default-src *",
    "service-worker-allowed": "/",
    "clear-site-data": '"*"',
    "alt-svc": 'h2="elsewhere:443"',
    "www-authenticate": "Basic realm=gateway",
    "strict-transport-security": "max-age=0",
    "x-content-type-options": "none",
    "x-frame-options": "ALLOWALL",
    "x-accel-redirect": "/protected/key",
    "x-sendfile": "/root/.pincer/key",
    "x-own": "kept",
    etag: '"1"',
  };
  await using kit = await start(
    serving([
      "/plugins/guest/page",
      `{
        const response = new Response(request.headers.get("cookie") + " " + request.headers.get("x-signature"), { headers: ${JSON.stringify(headers)} });
        response.headers.append("set-cookie", "session=stolen; Path=/");
        return response;
      }`,
    ]),
  );
  const answer = await served(kit, "/plugins/guest/page", { headers: { cookie: "of=the-gateway", "x-signature": "a vendor's" } });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe("null a vendor's");
  const policy = answer.headers.get("content-security-policy")!;
  expect(policy.split(", ").at(-1)).toStartWith("sandbox ");
  expect(policy.split(", ").at(-1)).not.toContain("allow-same-origin");
  expect(policy.split(", ").at(-1)).not.toContain("allow-top-navigation");
  expect([...answer.headers].filter(([name]) => name !== "content-security-policy")).toEqual([
    ["content-type", "text/html"],
    ["etag", '"1"'],
    ["x-content-type-options", "nosniff"],
    ["x-own", "kept"],
  ]);

  for (const dest of ["script", "worker", "serviceworker", "style", "object"]) {
    const asked = { headers: { "sec-fetch-site": "same-origin", "sec-fetch-dest": dest } };
    expect((await served(kit, "/plugins/guest/page", asked)).status).toBe(403);
    const own = { headers: { "sec-fetch-site": "cross-site", "sec-fetch-dest": dest } };
    expect((await served(kit, "/plugins/guest/page", own)).status).toBe(200);
  }
});
