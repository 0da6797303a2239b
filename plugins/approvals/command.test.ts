import { expect, test } from "bun:test";
import { createCliHome } from "../../tests/support/cli.ts";

test("pincer approvals shows what waits with nothing in it that a terminal would obey, and lets it run or not", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await home.pincer(["plugins", "enable", "approvals"]);
  expect((await home.pincer(["approvals", "list"])).out).toContain("Nothing waits");

  const ask = (command: string) => home.json(["call", "exec.approval.request", JSON.stringify({ command, sessionKey: "agent:main:main" })]);
  const waiting = async () => {
    // The request is another process's: it is there once that has come so far.
    for (let attempt = 0; attempt < 200; attempt++) {
      const { approvals } = await home.json<{ approvals: { code: string }[] }>(["approvals", "list"]);
      if (approvals[0] !== undefined) return approvals[0].code;
    }
    throw new Error("nothing waits");
  };
  const first = ask("echo \u001b[8m$(id) password=hunter2hunter2");
  const code = await waiting();
  const { out } = await home.pincer(["approvals", "list"]);
  expect(out).toContain("⟨U+001B⟩[8m$(id) password=[hidden]");
  expect(out).not.toContain("\u001b");
  expect(await home.pincer(["approvals", "approve", code.toLowerCase(), "--always"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("exec runs, and in that conversation from now on"),
  });
  expect(await first).toMatchObject({ decision: "allow-always" });

  const second = ask("rm -rf /");
  expect((await home.pincer(["approvals", "deny", await waiting()])).out).toContain("exec does not run");
  expect(await second).toMatchObject({ decision: "deny" });
  expect(await home.pincer(["approvals", "approve", "NOSUCH"])).toMatchObject({ code: 1, err: expect.stringContaining("NOSUCH") });
}, 120_000);
