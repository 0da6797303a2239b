import { afterEach, describe, expect, test } from "bun:test";
import { shouldPauseGatewayReconnect } from "@openclaw/gateway-client/browser";
import { readConnectErrorRecoveryAdvice, resolveAuthConnectErrorDetailCode } from "@openclaw/gateway-protocol/connect-error-details";
import {
  type AccessHome,
  admitted,
  clients,
  codeOf,
  connectBare,
  doorAt,
  elsewhere,
  ownPage,
  refused,
  type SettingsPatch,
  TestDevice,
  useHomes,
} from "../../tests/support/access-home.ts";

const { open } = useHomes(afterEach);
const scopes = ["operator.read", "operator.admin"] as const;

describe("the shared secret", () => {
  test("is taken from either field, and when both came from the one that the mode names", async () => {
    const home = await open();
    const right = home.keys.token;
    expect(await codeOf(connectBare(home, { auth: { token: right } }))).toBe("admitted");
    expect(await codeOf(connectBare(home, { auth: { password: right } }))).toBe("admitted");
    expect(await codeOf(connectBare(home, { auth: { token: right, password: "wrong" } }))).toBe("admitted");
    expect(await codeOf(connectBare(home, { auth: { token: "wrong", password: right } }))).toBe("AUTH_TOKEN_MISMATCH");

    const other = await open({ auth: { mode: "password", password: "open sesame" } });
    expect(await admitted(connectBare(other, { auth: { password: "open sesame" } }))).toMatchObject({ method: "password" });
    expect(await codeOf(connectBare(other, { auth: { token: "open sesame" } }))).toBe("admitted");
    expect(await codeOf(connectBare(other, { auth: { token: "open sesame", password: "wrong" } }))).toBe("AUTH_PASSWORD_MISMATCH");
    expect(await codeOf(connectBare(other, { auth: { token: other.keys.token } }))).toBe("AUTH_PASSWORD_MISMATCH");
  });

  test("is the configured token when there is one, at once after the configuration changed", async () => {
    const home = await open();
    home.settings = { ...home.settings, auth: { mode: "token", token: "from-the-configuration" } };
    expect(await codeOf(connectBare(home, { auth: { token: "from-the-configuration" } }))).toBe("admitted");
    expect(await codeOf(connectBare(home, { auth: { token: home.keys.token } }))).toBe("AUTH_TOKEN_MISMATCH");
  });

  test("may be kept encrypted, and only be named in the configuration", async () => {
    const home = await open();
    const auth = { mode: "token", token: { secret: "GATEWAY_TOKEN" } } as unknown as AccessHome["settings"]["auth"];
    home.settings = { ...home.settings, auth };
    const asking = { auth: { token: "kept-encrypted" } };
    expect(await codeOf(connectBare(home, asking))).toBe("AUTH_TOKEN_NOT_CONFIGURED");
    await home.call("secrets.store.set", { name: "GATEWAY_TOKEN", value: "kept-encrypted", kind: "secret" });
    expect(await codeOf(connectBare(home, asking))).toBe("admitted");
    expect(await home.access.request(doorAt({ headers: { authorization: "Bearer kept-encrypted" } }))).toMatchObject({ ok: true });
    expect(await codeOf(connectBare(home, { auth: { token: home.keys.token } }))).toBe("AUTH_TOKEN_MISMATCH");
  });

  const failures: [string, SettingsPatch, Parameters<TestDevice["connect"]>[1], string, string, boolean][] = [
    ["AUTH_TOKEN_MISSING", {}, {}, "token_missing", "update_auth_configuration", false],
    ["AUTH_TOKEN_MISSING", {}, { auth: { token: "" } }, "token_missing", "update_auth_configuration", false],
    ["AUTH_TOKEN_MISMATCH", {}, { auth: { token: "wrong" } }, "token_mismatch", "retry_with_device_token", true],
    ["AUTH_PASSWORD_MISSING", { auth: { mode: "password", password: "p" } }, {}, "password_missing", "update_auth_configuration", false],
    [
      "AUTH_PASSWORD_MISMATCH",
      { auth: { mode: "password", password: "p" } },
      { auth: { password: "wrong" } },
      ...(["password_mismatch", "update_auth_credentials", false] as const),
    ],
    [
      "AUTH_PASSWORD_NOT_CONFIGURED",
      { auth: { mode: "password" } },
      { auth: { password: "x" } },
      ...(["password_missing_config", "review_auth_configuration", false] as const),
    ],
    ["AUTH_DEVICE_TOKEN_MISMATCH", {}, { auth: { deviceToken: "stale" } }, "device_token_mismatch", "update_auth_credentials", false],
    ["AUTH_BOOTSTRAP_TOKEN_INVALID", {}, { auth: { bootstrapToken: "x" } }, "bootstrap_token_invalid", "update_auth_credentials", false],
  ];
  for (const [code, patch, asking, authReason, recommendedNextStep, canRetryWithDeviceToken] of failures) {
    test(`${code} says why, and what to try next (${authReason})`, async () => {
      const { error, closeCode } = await refused(new TestDevice().connect(await open(patch), asking));
      expect(error).toMatchObject({ code, wire: "INVALID_REQUEST", data: { authReason, canRetryWithDeviceToken, recommendedNextStep } });
      expect(closeCode).toBe(1008);
      expect(resolveAuthConnectErrorDetailCode(authReason)).toBe(code as never);
      expect(readConnectErrorRecoveryAdvice(error.data)).toEqual({ canRetryWithDeviceToken, recommendedNextStep } as never);
      expect(JSON.stringify([error.message, error.data])).not.toMatch(/wrong|stale/);
    });
  }
});

describe("without a device, once the secret is right", () => {
  const rows: [string, keyof typeof clients, string, Parameters<typeof connectBare>[2]?, string?][] = [
    ["the CLI on this machine keeps the scopes it asked for", "cli", "admitted"],
    ["a backend on this machine keeps the scopes it asked for", "backend", "admitted"],
    ["the CLI elsewhere needs a device", "cli", "DEVICE_IDENTITY_REQUIRED", elsewhere],
    ["the CLI behind a proxy needs a device", "cli", "DEVICE_IDENTITY_REQUIRED", { headers: { "x-forwarded-for": "203.0.113.7" } }],
    ["the terminal UI needs a device", "tui", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"],
    ["a web page needs a device", "page", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED", ownPage],
    ["a web chat needs a device", "webchat", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED", ownPage],
    ["a node needs a device", "node", "DEVICE_IDENTITY_REQUIRED", {}, "node"],
  ];
  for (const [title, client, expected, door, role = "operator"] of rows) {
    for (const mode of ["token", "none"] as const) {
      // In mode `none` somebody from a public address is refused before this table is looked at.
      if (mode === "none" && door?.address) continue;
      test(`${title} (auth mode ${mode})`, async () => {
        const home = await open({ auth: { mode } });
        const auth = mode === "token" ? { auth: { token: home.keys.token } } : {};
        const result = await connectBare(home, { client: clients[client], role, scopes, ...auth }, door);
        if (!result.ok) expect(result.error.code).toBe(expected);
        else expect({ ...result, expected }).toMatchObject({ expected: "admitted", principal: "shared", role, scopes, method: mode });
      });
    }
  }

  test("a probe is let in from anywhere, with no scope at all", async () => {
    const home = await open();
    const asking = { client: clients.probe, scopes, auth: { token: home.keys.token } };
    expect(await admitted(connectBare(home, asking, elsewhere))).toMatchObject({ scopes: [], principal: "shared" });
    expect(await codeOf(connectBare(home, { ...asking, role: "node" }, elsewhere))).toBe("DEVICE_IDENTITY_REQUIRED");
  });

  test("without a credential either, it is the device that is missing", async () => {
    const home = await open();
    for (const client of Object.values(clients)) {
      const { error } = await refused(connectBare(home, { client }, ownPage));
      expect(error).toMatchObject({ code: "DEVICE_IDENTITY_REQUIRED", wire: "NOT_PAIRED" });
      expect(shouldPauseGatewayReconnect({ details: { code: error.code, ...error.data } } as never)).toBe(true);
    }
    const asking = { auth: { bootstrapToken: await home.invite() } };
    expect(await codeOf(connectBare(home, asking))).toBe("DEVICE_IDENTITY_REQUIRED");
    expect(await codeOf(new TestDevice().connect(home, asking))).toBe("admitted");
  });

  test("scopes that were left out are none, and words that are no scopes are dropped", async () => {
    const home = await open();
    const auth = { token: home.keys.token };
    expect(await admitted(connectBare(home, { auth }))).toMatchObject({ scopes: [] });
    expect(await admitted(connectBare(home, { auth, scopes: ["operator.read", "toString", "operator.everything"] }))).toMatchObject({
      scopes: ["operator.read"],
    });
  });
});

test("a role that is neither operator nor node is refused by name", async () => {
  const home = await open();
  const { error } = await refused(connectBare(home, { role: "worker", auth: { token: home.keys.token } }));
  expect(error).toMatchObject({ code: "ACCESS_ROLE_INVALID", wire: "INVALID_REQUEST" });
  expect(error.message).toContain('got "worker"');
});

describe("auth mode none", () => {
  test("lets this machine and private networks in, and nobody else", async () => {
    const home = await open({ auth: { mode: "none" }, trustedProxies: ["192.168.1.1"] });
    const device = new TestDevice();
    expect(await admitted(device.connect(home, {}))).toMatchObject({ method: "none" });
    for (const address of ["192.168.1.20", "10.1.2.3", "fd00::5", "::ffff:192.168.1.20", "100.100.1.1"]) {
      expect(await codeOf(device.connect(home, {}, { address }))).toBe("admitted");
    }
    const strangers = [
      elsewhere,
      { address: "2001:db8::1" },
      { address: "192.168.1.20", headers: { "x-forwarded-for": "10.0.0.1" } },
      { headers: { "x-forwarded-for": "10.0.0.1" } },
      { address: "192.168.1.1", headers: { "x-forwarded-for": "10.0.0.1, 203.0.113.7" } },
    ];
    for (const door of strangers) expect(await codeOf(device.connect(home, {}, door))).toBe("AUTH_UNAUTHORIZED");
    const behind = { address: "192.168.1.1", headers: { "x-forwarded-for": "203.0.113.7, 192.168.1.44" } };
    expect(await codeOf(device.connect(home, {}, behind))).toBe("admitted");
  });

  test("does not let a stranger's page in, not even under a name that was pointed at this machine", async () => {
    const home = await open({ auth: { mode: "none" }, allowedOrigins: ["https://home.example"] });
    const from = (origin: string, host: string) => connectBare(home, { scopes }, { headers: { origin, host } });
    expect(await codeOf(from("https://evil.example", "127.0.0.1:18789"))).toBe("CONTROL_UI_ORIGIN_NOT_ALLOWED");
    expect(await codeOf(from("http://evil.example:18789", "evil.example:18789"))).toBe("CONTROL_UI_ORIGIN_NOT_ALLOWED");
    for (const host of ["127.0.0.1:18789", "localhost:18789", "[::1]:18789"]) {
      expect(await codeOf(from(`http://${host}`, host))).toBe("admitted");
    }
    expect(await codeOf(from("https://home.example", "127.0.0.1:18789"))).toBe("admitted");
  });
});

describe("a browser's page", () => {
  test("must come from the gateway's own host or an allowed origin", async () => {
    const home = await open({ allowedOrigins: ["https://chat.example"] });
    const device = new TestDevice();
    const from = (origin?: string) =>
      codeOf(
        device.connect(
          home,
          { client: clients.page, auth: { token: home.keys.token } },
          { headers: origin === undefined ? {} : { origin } },
        ),
      );
    for (const origin of [undefined, "null", "", "https://evil.example", "http://127.0.0.1:1", "http://127.0.0.1.evil.example:18789"]) {
      expect(await from(origin)).toBe("CONTROL_UI_ORIGIN_NOT_ALLOWED");
    }
    for (const origin of ["http://127.0.0.1:18789", "https://chat.example"]) expect(await from(origin)).toBe("admitted");
  });

  test("cannot pass for a command line", async () => {
    const home = await open();
    const asking = { scopes, auth: { token: home.keys.token } };
    expect(await codeOf(connectBare(home, asking, { headers: { origin: "https://evil.example" } }))).toBe("CONTROL_UI_ORIGIN_NOT_ALLOWED");
  });
});
