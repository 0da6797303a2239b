import { expect, test } from "bun:test";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";

test("a secret that the configuration or the environment sets appears in no log line, nor one that is set later", async () => {
  await using gateway = await startTestGateway({
    only: ["configuration", "provider-openai"],
    config: {
      gateway: { auth: { token: "token-of-the-file", password: `\${SHARED_PASSWORD}` } },
      plugins: { "provider-openai": { config: { endpoints: { mine: { baseUrl: "http://127.0.0.1:1/v1", key: "key-of-a-plugin" } } } } },
    },
    env: { PINCER_TOKEN: "token-of-the-environment", SHARED_PASSWORD: "password-of-the-environment" },
  });
  const { log } = gateway.gateway;
  const client = await gateway.connect({ token: "token-of-the-environment" });
  const known = ["token-of-the-environment", "password-of-the-environment", "key-of-a-plugin"];
  for (const [n, secret] of known.entries()) log.info("test.said", { n, url: `http://127.0.0.1/?t=${secret}`, [secret]: 1 });
  const { hash } = await client.call<{ hash: string }>("config.get");
  await client.call("config.patch", { raw: '{ gateway: { auth: { password: "password-of-later" } } }', baseHash: hash });
  log.info("test.said", { error: new Error("not password-of-later") });
  expect(gateway.lines.filter(({ event }) => event === "test.said")).toHaveLength(4);
  const shown = JSON.stringify([gateway.lines, await client.call("config.get")]);
  for (const secret of [...known, "password-of-later"]) expect(shown).not.toContain(secret);
});
