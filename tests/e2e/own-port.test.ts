/** A confined plugin and the gateway's own port: whoever comes from this machine may do more there than others, so an author cannot name it. */
import { afterAll, expect } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { writePlugin } from "../fixtures/plugin-host.ts";

const base = mkdtempSync(join(tmpdir(), "pincer-own-port-"));
symlinkSync(join(dirname(dirname(import.meta.dir)), "node_modules"), join(base, "node_modules"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Answers with what the gateway lets somebody in as who says to be its command line, without any credential. */
const code = (port: number) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const knocks = defineMethod({ name: "guest.knocks", summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({ came: Type.String() }) });
export default definePlugin({ config: Type.Object({ door: Type.Optional(Type.String()) }), setup(ctx) {
  ctx.method(knocks, () => new Promise((answer) => {
    const socket = new WebSocket("ws://127.0.0.1:${port}/");
    const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
    const params = { minProtocol: 3, maxProtocol: 4, client, role: "operator", scopes: ["operator.admin"] };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.event === "connect.challenge") socket.send(JSON.stringify({ type: "req", id: "1", method: "connect", params }));
      else answer({ came: frame.ok ? "in: " + frame.payload.auth.scopes : "refused: " + frame.error.message });
    };
    socket.onerror = () => answer({ came: "no way" });
  }));
} });`;

testWith("bubblewrap")("it leads to the gateway's own port only when the operator wrote so", async () => {
  const port = await freePort();
  const installed = join(base, "installed");
  const permissions = { net: [`127.0.0.1:${port}`, "config:/door"] };
  await writePlugin(join(base, "made"), "guest", code(port), { permissions });
  mkdirSync(join(installed, "guest"), { recursive: true });
  renameSync(join(base, "made", "guest"), join(installed, "guest", "1"));
  const knocks = async (config: object) => {
    const plugins = { guest: { enabled: true, isolation: "process", config } };
    await using gateway = await startTestGateway({
      installed: [installed],
      only: [],
      config: { gateway: { port, auth: { mode: "none" } }, plugins },
    });
    return ((await (await gateway.connect()).call("guest.knocks", {})) as { came: string }).came;
  };
  expect(await knocks({})).toBe("no way");
  expect(await knocks({ door: `127.0.0.1:${port}` })).toBe("in: operator.admin");
});
