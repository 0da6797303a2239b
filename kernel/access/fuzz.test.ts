import { afterEach, expect, test } from "bun:test";
import { decided, elsewhere, TestDevice, useHomes } from "../../tests/support/access-home.ts";

const { open } = useHomes(afterEach);
const pick = <T>(values: readonly T[]) => values[Math.floor(Math.random() * values.length)] as T;
const junk = [
  ...[
    "",
    " ",
    ".",
    "|",
    ",",
    "null",
    "\u0000",
    "٣",
    "=".repeat(44),
    "A".repeat(43),
    "A".repeat(86),
    "-----BEGIN PUBLIC KEY-----",
    "x".repeat(60_000),
  ],
  ...[
    "[::1]:1",
    "http://",
    "http://[",
    "https://gateway.example:18789",
    "::",
    "::ffff:1.2.3.4",
    "1.2.3.4, ::1",
    "fe80::1%eth0",
    "Bearer x",
    "__proto__",
  ],
];
const numbers = [0, 1, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300];

test("20,000 connects and requests made of junk are refused, each with an answer, and nobody is let in", async () => {
  const home = await open({ lockout: { attempts: 1e9 }, trustedProxies: ["203.0.113.7"], allowedOrigins: ["https://chat.example"] });
  const device = new TestDevice();
  for (let round = 0; round < 10_000; round++) {
    const params = device.params({ auth: { token: "wrong" }, scopes: ["operator.admin"] }, home.clock.now());
    const auth = Object.fromEntries(
      ["token", "password", "deviceToken", "bootstrapToken"].filter(() => Math.random() < 0.4).map((key) => [key, pick(junk)]),
    );
    const signed = {
      ...params.device,
      [pick(["id", "publicKey", "signature", "nonce"])]: pick(junk),
      ...(round % 3 ? {} : { signedAt: pick(numbers) }),
    };
    const headers = Object.fromEntries(
      ["host", "origin", "x-forwarded-for", "authorization", "sec-fetch-site"]
        .filter(() => Math.random() < 0.5)
        .map((name) => [name, pick(junk)]),
    );
    const door = { remoteAddress: pick([elsewhere.address ?? "", "2001:db8::1", ...junk]), headers, directLoopback: round % 2 === 0 };
    const asked = {
      ...params,
      role: pick(["operator", "node", ...junk]),
      auth,
      scopes: [pick(junk)],
      ...(round % 5 ? { device: signed as never } : { device: undefined }),
    };
    const decision = await decided(home.access.connect({ door, nonce: pick(["n-1", ...junk]), params: asked }));
    if (decision.ok || !decision.error.message) throw new Error(`${JSON.stringify(decision)} for ${JSON.stringify({ door, asked })}`);
    expect((await home.access.request(door)).ok).toBe(false);
  }
  expect(await home.store.read("select * from plugin_value where plugin = 'devices' and key like 'device/%'")).toEqual([]);
}, 120_000);
