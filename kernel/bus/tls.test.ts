import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { startBus } from "../../tests/support/bus.ts";
import { certificate, key } from "../../tests/support/self-signed.ts";

const folder = await mkdtemp(join(tmpdir(), "pincer-tls-"));
const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
await Bun.write(keyFile, key);
await Bun.write(certFile, certificate);

/** The protocol that a handshake ends with, or the error. */
const handshake = (port: number, maxVersion: "TLSv1.2" | "TLSv1.3") =>
  new Promise<string | null>((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", ca: certificate, servername: "localhost", maxVersion }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on("error", () => resolve("refused"));
  });

test("with a certificate the port speaks TLS 1.3 and nothing older, HTTP tells browsers to stay, and nothing is plain", async () => {
  await using host = await startBus({ settings: { tls: { keyFile, certFile } } });
  const { port, protocol } = new URL(host.url);
  expect(protocol).toBe("https:");
  expect(await handshake(Number(port), "TLSv1.3")).toBe("TLSv1.3");
  expect(await handshake(Number(port), "TLSv1.2")).toBe("refused");
  const response = await fetch(`https://localhost:${port}/health`, { tls: { ca: certificate } });
  expect(await response.json()).toEqual({ ok: true, status: "live" });
  expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000");
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
});

test("a certificate that cannot be read is named", async () => {
  await expect(startBus({ settings: { tls: { keyFile: join(folder, "none.pem"), certFile } } })).rejects.toMatchObject({
    code: "BUS_LISTEN_FAILED",
    message: expect.stringContaining("none.pem"),
  });
  await rm(folder, { recursive: true });
});
