import { expect, test } from "bun:test";
import { createCliHome } from "../../tests/support/cli.ts";
import { startCopilotVendor } from "../../tests/vendors/copilot/server.ts";

test("pincer models auth login copilot:me: the code is shown, the token kept, and a turn is answered with it", async () => {
  await using vendor = startCopilotVendor({ intervalSeconds: 0.05 });
  await using home = createCliHome();
  const set = (path: string, value: unknown) => home.pincer(["config", "set", path, JSON.stringify(value)]);
  const copilot = { githubUrl: vendor.origin, defaultModel: "gpt-test" };
  await set("plugins.provider-copilot", { enabled: true, config: { endpoints: { copilot } } });
  await set("models.default", "copilot");
  const at = (path: string) => `${vendor.origin}/login/${path}`;
  const place = { deviceUrl: at("device/code"), tokenUrl: at("oauth/access_token"), clientId: "pincer-test", scopes: ["read:user"] };
  await set("failover.oauth.copilot", place);
  await home.pincer(["up"]);
  expect((await home.pincer(["plugins", "enable", "failover"])).code).toBe(0);

  vendor.github.device("authorization_pending", "approved");
  const signedIn = await home.pincer(["models", "auth", "login", "copilot:me"]);
  expect(signedIn).toMatchObject({ code: 0, err: "" });
  expect(signedIn.out).toBe(
    "Open https://github.com/login/device\nand enter the code WDJB-MJHT. This waits until you have.\ncopilot:me is signed in\n",
  );
  expect(vendor.github.asked).toEqual(["device", "device_code", "device_code"]);

  expect((await home.pincer(["models", "auth", "test"])).out).toMatch(/^copilot:me is taken \(\d+ ms\)\n$/);
  expect(vendor.github.asked.at(-1)).toBe("gho_signed_in");
  const { models } = await home.json<{ models: readonly { id: string }[] }>(["call", "models.list"]);
  expect(JSON.stringify(models)).toContain("gpt-test");

  vendor.otherwise(() => ({ steps: [{ text: ["Hello from Copilot"] }] }));
  const chat = await home.pincer(["chat"], { stdin: "hi\n" });
  expect(chat.out).toContain("Hello from Copilot");
  expect(vendor.ledger.at(-1)?.headers.get("authorization")).toStartWith("Bearer tid=");
  expect((await home.pincer(["models", "auth", "list"])).out).toMatch(/^copilot:me +oauth .* active/m);
  const logs = await home.pincer(["logs"]);
  expect(signedIn.out + logs.out + logs.err).not.toContain("gho_signed_in");
}, 120_000);

test("a sign-in that is refused keeps nothing, and says so", async () => {
  await using vendor = startCopilotVendor({ intervalSeconds: 0.05 });
  await using home = createCliHome();
  const at = (path: string) => `${vendor.origin}/login/${path}`;
  const place = { deviceUrl: at("device/code"), tokenUrl: at("oauth/access_token"), clientId: "pincer-test" };
  await home.pincer(["config", "set", "plugins.provider-copilot", JSON.stringify({ enabled: true })]);
  await home.pincer(["config", "set", "failover.oauth.copilot", JSON.stringify(place)]);
  await home.pincer(["up"]);
  await home.pincer(["plugins", "enable", "failover"]);
  vendor.github.device("authorization_pending", "access_denied");
  const refused = await home.pincer(["models", "auth", "login", "copilot:me"]);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("the sign-in was refused: access_denied");
  expect((await home.pincer(["models", "auth", "list"])).out).toStartWith("none;");
}, 120_000);
