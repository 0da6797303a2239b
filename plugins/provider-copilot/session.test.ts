import { describe, expect, test } from "bun:test";
import { startCopilot } from "../../tests/fixtures/models/copilot.ts";

const MINUTE = 60_000;
const ok = { steps: [{ text: ["ok"] }] };

test("GitHub's token is exchanged once, for all who wait, and never reaches the API itself", async () => {
  await using copilot = startCopilot();
  const gate = Promise.withResolvers<void>();
  copilot.github.hold(gate.promise);
  copilot.vendor.otherwise(() => ok);
  const all = Promise.all(Array.from({ length: 50 }, () => copilot.stream()));
  gate.resolve();
  expect((await all).every(({ answer }) => answer.stopReason === "stop")).toBe(true);
  expect([copilot.github.asked, copilot.vendor.lists()]).toEqual([["gho_own"], 1]);
  const sent = copilot.vendor.ledger.map(({ headers }) => headers.get("authorization"));
  expect(new Set(sent)).toEqual(new Set(["Bearer tid=1;exp=1790000000;sku=free_limited_copilot:mac"]));
});

test("a session is replaced before its end behind the request's back, and after it before the request", async () => {
  await using copilot = startCopilot({ refreshSeconds: 1500 });
  copilot.vendor.otherwise(() => ok);
  const used = async () => {
    await copilot.stream();
    return /tid=(\d+)/.exec(copilot.vendor.ledger.at(-1)?.headers.get("authorization") ?? "")?.[1];
  };
  expect(await used()).toBe("1");
  await copilot.clock.advance(24 * MINUTE);
  expect(await used()).toBe("1");
  await copilot.clock.advance(MINUTE + 1_000);
  // Its replacement is asked for beside it, and waits for nobody.
  const gate = Promise.withResolvers<void>();
  copilot.github.hold(gate.promise);
  expect(await used()).toBe("1");
  expect(await used()).toBe("1");
  gate.resolve();
  while ((await used()) === "1");
  expect(copilot.github.asked).toHaveLength(2);
  await copilot.clock.advance(26 * MINUTE);
  expect(await used()).toBe("3");
});

test("a session that the API does not take any more is replaced once, and the request made again", async () => {
  await using copilot = startCopilot();
  copilot.vendor.answer(ok);
  await copilot.stream();
  copilot.github.endSessions();
  copilot.vendor.answer({ steps: [{ text: ["again"] }] });
  expect((await copilot.stream()).answer.message.content).toEqual([{ type: "text", text: "again" }]);
  expect(copilot.github.asked).toEqual(["gho_own", "gho_own"]);
  copilot.vendor.otherwise(() => ({ error: { status: 401, message: "unauthorized: token is of no use" } }));
  const before = copilot.vendor.ledger.length;
  expect((await copilot.stream()).answer).toMatchObject({ stopReason: "error", failure: { class: "auth", status: 401 } });
  expect(copilot.vendor.ledger).toHaveLength(before + 2);
});

test("whoever goes away while a session is opened waits no longer; it is there for the next", async () => {
  await using copilot = startCopilot();
  const gate = Promise.withResolvers<void>();
  copilot.github.hold(gate.promise);
  const caller = new AbortController();
  const request = { model: "copilot/gpt-test", system: [], messages: [], tools: [] };
  const reading = copilot.provider.stream(request, { signal: caller.signal }).next();
  caller.abort();
  expect(await reading).toMatchObject({ done: true, value: { stopReason: "aborted" } });
  gate.resolve();
  copilot.vendor.answer(ok);
  expect((await copilot.stream()).answer.stopReason).toBe("stop");
  expect(copilot.github.asked).toHaveLength(1);
});

describe("when GitHub gives no session", () => {
  const refused = async (status: number, body: unknown) => {
    await using copilot = startCopilot();
    copilot.github.refuse({ status, body });
    const { answer } = await copilot.stream();
    expect(answer.stopReason).toBe("error");
    expect(copilot.vendor.ledger).toHaveLength(0);
    return answer.failure;
  };

  test("its token is not taken, or may not see Copilot", async () => {
    const auth = {
      class: "auth",
      message: "GitHub gives no session for Copilot: Bad credentials; sign in again: pincer models auth login copilot:<name>",
    };
    expect(await refused(401, { message: "Bad credentials" })).toMatchObject({ ...auth, status: 401 });
    expect(await refused(404, { message: "Not Found" })).toMatchObject({ class: "auth" });
  });

  test("the account has no Copilot, which is told in GitHub's words for people", async () => {
    const details = { message: "No access to GitHub Copilot found.", notification_id: "no_copilot_access", title: "", url: "" };
    expect(await refused(403, { message: "Resource not accessible", error_details: details })).toEqual({
      class: "auth",
      status: 403,
      message: "GitHub gives no session for Copilot: No access to GitHub Copilot found.",
    });
  });

  test("too many requests are told as forbidden, and are not", async () => {
    expect(await refused(403, { message: "API rate limit exceeded for user ID 1." })).toMatchObject({ class: "rate-limit" });
  });

  test("a fault is one of the network, and an answer without a token too", async () => {
    expect(await refused(502, "bad gateway")).toMatchObject({ class: "network", status: 502 });
    expect(await refused(200, { hello: "there" })).toMatchObject({ class: "network" });
  });

  test("silence is given up", async () => {
    await using copilot = startCopilot();
    copilot.github.hold(new Promise(() => undefined));
    const reading = copilot.stream();
    await copilot.clock.armed(2);
    await copilot.clock.advance(10_000);
    expect((await reading).answer).toMatchObject({ stopReason: "error", failure: { class: "timeout" } });
  });
});
