import { expect, test } from "bun:test";
import { type ChannelStatus, channelErrors } from "../contracts/channel.ts";
import { createManualClock } from "../testing/clock.ts";
import { Changes, keepConnected } from "./connection.ts";
import { loginRequired } from "./trouble.ts";

/** With the token `good` it holds, with `short` it ends by itself. */
function account(token: string) {
  const clock = createManualClock();
  const stop = new AbortController();
  const changes = new Changes();
  const tried: string[] = [];
  const held = { token };
  async function* connect(signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
    tried.push(held.token);
    if (held.token === "broken") throw channelErrors.CHANNEL_UNAVAILABLE("away");
    if (held.token === "bad") throw loginRequired("it is no good", "get another one");
    yield { state: "connected", self: held.token };
    if (held.token !== "short") await new Promise((ended) => signal.addEventListener("abort", ended, { once: true }));
  }
  const statuses = keepConnected({ clock, basis: async () => held.token, connect, changes }, stop.signal);
  return { clock, stop, tried, held, statuses, changes };
}

test("a credential that is refused is tried once, and the next one as soon as it is there", async () => {
  const { clock, tried, held, statuses } = account("bad");
  expect((await statuses.next()).value).toEqual({ state: "login-required", detail: "it is no good", hint: "get another one" });
  const connected = statuses.next();
  for (let look = 0; look < 3; look++) {
    await clock.armed();
    await clock.advance(60_000);
  }
  expect(tried).toEqual(["bad"]);
  held.token = "short";
  await clock.armed();
  await clock.advance(60_000);
  expect((await connected).value).toEqual({ state: "connected", self: "short" });
  expect(await statuses.next()).toMatchObject({ done: true });
  expect(clock.timers).toBe(0);
});

test("settings that change make a new connection at once, others leave it alone", async () => {
  const { stop, tried, held, statuses, changes } = account("good");
  expect((await statuses.next()).value).toMatchObject({ self: "good" });
  const next = statuses.next();
  changes.tell();
  await new Promise((turn) => setImmediate(turn));
  expect(tried).toEqual(["good"]);
  held.token = "better";
  changes.tell();
  expect((await next).value).toMatchObject({ self: "better" });
  const end = statuses.next();
  stop.abort();
  expect(await end).toMatchObject({ done: true });
});

test("it ends while it waits when it is asked to, and by every other failure", async () => {
  const waiting = account("bad");
  await waiting.statuses.next();
  const end = waiting.statuses.next();
  await waiting.clock.armed();
  waiting.stop.abort();
  expect(await end).toMatchObject({ done: true });
  expect(waiting.clock.timers).toBe(0);
  expect(account("broken").statuses.next()).rejects.toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
});
