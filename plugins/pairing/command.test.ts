import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { createCliHome } from "../../tests/support/cli.ts";
import { messageOf } from "../../tests/support/posing.ts";

const posing = join(dirname(dirname(import.meta.dir)), "tests", "fixtures", "plugins", "posing");

test("pincer pairing shows who asks, lets them in, makes one the owner, and takes it all back; doctor tells of rules that no message meets", async () => {
  await using home = createCliHome();
  await home.pincer(["plugin", "link", posing]);
  await home.pincer(["config", "set", "plugins.posing.unsandboxed", "true"]);
  await home.pincer(["config", "set", "channels.posing", "{}"]);
  await home.pincer(["up"]);
  await home.pincer(["plugins", "enable", "posing"]);
  expect((await home.pincer(["pairing", "list"])).out).toContain("Nobody asks");
  const say = (from: string) =>
    home.json(["call", "posing.handIn", JSON.stringify({ message: messageOf({ from, name: "A \u001b[31mname" }) })]);
  for (const from of ["ada", "bob"]) expect(await say(from)).toMatchObject({ status: "refused" });
  const { out } = await home.pincer(["pairing", "list"]);
  expect(out).toMatch(/posing\/default:ada {2}person {2}A .*name/);
  expect(out).not.toContain("\u001b");
  const { requests } = await home.json<{ requests: { requestId: string; id: string }[] }>(["pairing", "list"]);
  const of = (name: string) => requests.find(({ id }) => id === name)!.requestId;

  expect(await home.pincer(["pairing", "approve", of("ada"), "--owner"])).toMatchObject({
    err: "",
    out: expect.stringMatching(/^posing\/default:ada .* is let in, and is the owner/),
  });
  expect((await home.pincer(["pairing", "reject", of("bob")])).out).toContain("was turned down");
  expect(await home.pincer(["pairing", "approve", "NOSUCH"])).toMatchObject({ code: 1, err: expect.stringContaining("NOSUCH") });
  expect(await home.json(["config", "get", "agents.owner"])).toEqual(["posing/default:ada"] as never);
  expect(await say("ada")).toMatchObject({ status: "accepted" });

  expect(await home.pincer(["pairing", "revoke", "posing:ada"])).toMatchObject({ code: 1, err: expect.stringContaining("--owner") });
  expect((await home.pincer(["pairing", "revoke", "posing:ada", "--owner"])).code).toBe(0);
  expect(await home.json(["config", "get", "agents.owner"])).toEqual([] as never);
  expect(await say("ada")).toMatchObject({ status: "refused" });
  expect(await home.pincer(["pairing", "revoke", "ada"])).toMatchObject({ code: 2 });
  expect(await home.pincer(["pairing", "approve", "X", "--nonsense"])).toMatchObject({ code: 2 });
  expect((await home.pincer(["pairing", "approve", "--help"])).out).toMatch(
    /^pincer pairing approve <code>\n[\s\S]*\n {2}--owner {10}Let them in as yourself\n/,
  );

  await home.pincer(["config", "set", "agents.rules", '[{ "agent": "main" }, { "channel": "posing", "agent": "main" }]']);
  expect((await home.pincer(["doctor"])).out).toContain("agents.rules[1] can never match");
}, 120_000);
