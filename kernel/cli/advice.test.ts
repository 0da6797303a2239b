/** What a person is told who has just begun: which model answers, and why another does not. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCliHome } from "../../tests/support/cli.ts";

test("up says when a key of this environment is not yet taken up; restart takes it up", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const env = {
    OPENAI_API_KEY: "k",
    OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
    ANTHROPIC_API_KEY: "k",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
  };
  const { out } = await home.pincer(["up"]);
  expect(out).toMatch(/offline demo answers; pincer secrets set <KEY> .*ANTHROPIC_API_KEY,[\s\S]*OPENAI_API_KEY/);
  expect((await home.pincer(["models", "list", "all"])).out).toMatch(/demo\/offline .*\nno other provider has a key.*pincer secrets set/);
  // What enables a channel brings no model.
  expect(out).not.toContain("BOT_TOKEN");
  expect((await home.pincer(["up"], { env })).out).toMatch(
    /ANTHROPIC_API_KEY is set here, .*: pincer restart\n +OPENAI_API_KEY is set here/,
  );
  expect((await home.pincer(["restart"], { env })).out).toMatch(/anthropic\/\S+ answers/);
  expect((await home.pincer(["doctor"])).out).not.toContain("cannot be used");
}, 120_000);

test("a model that no provider has is said by up, and doctor says how to choose another", async () => {
  await using home = createCliHome();
  await home.pincer(["config", "set", "models.default", "nope/x"]);
  expect((await home.pincer(["up"])).out).toContain("no model answers; pincer doctor says why");
  expect(await home.pincer(["doctor"])).toMatchObject({ code: 1, out: expect.stringContaining("pincer config set models.default") });
});

test("status and doctor hand on what a plugin says is wrong and is to be typed", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await home.pincer(["config", "set", "channels.telegrm.enabled", "true"]);
  expect((await home.pincer(["doctor"])).out).toMatch(
    /✗ channel +telegrm\/default: no plugin that is on[\s\S]*mend: pincer plugins enable channel-telegrm, if/,
  );
  expect((await home.pincer(["status"])).out).toMatch(
    /failed +delivery: telegrm\/default: no plugin that is on[\s\S]*pincer\s+channels\s+status\s+says/,
  );
});

test("a secret under a name that is nearly one that a plugin asks for is kept, and the name is told", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const { code, out } = await home.pincer(["secrets", "set", "TELEGRAM_BOT_TOKN"], { stdin: "x" });
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('did you mean "TELEGRAM_BOT_TOKEN"?') });
});

test("a mistake in the configuration is told by up too", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  writeFileSync(join(home.path, "pincer.json5"), "{ gateway: { bind: 5 } }");
  expect((await home.pincer(["restart"])).out).toContain("gateway.bind (line 1, column 20): expected string, came 5");
});
