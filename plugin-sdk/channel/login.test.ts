import { expect, test } from "bun:test";
import { type ChannelStatus, channelErrors } from "../contracts/channel.ts";
import { createManualClock } from "../testing/clock.ts";
import { whileLoggedIn } from "./login.ts";

function account(token: string | undefined) {
  const clock = createManualClock();
  const stop = new AbortController();
  const tried: (string | undefined)[] = [];
  const held = { token };
  const statuses = whileLoggedIn(
    {
      clock,
      credential: async () => held.token,
      async *connect(): AsyncGenerator<ChannelStatus, void, void> {
        tried.push(held.token);
        if (held.token === "broken") throw channelErrors.CHANNEL_UNAVAILABLE("away");
        if (held.token !== "good") throw channelErrors.CHANNEL_LOGIN_REQUIRED(`${held.token ?? "nothing"} is no good`);
        yield { state: "connected" };
      },
    },
    stop.signal,
  );
  return { clock, stop, tried, held, statuses };
}

test("a credential that is refused is tried once, and the next one as soon as it is there", async () => {
  const { clock, tried, held, statuses } = account("bad");
  expect((await statuses.next()).value).toEqual({ state: "login-required", detail: "bad is no good" });
  const connected = statuses.next();
  for (let look = 0; look < 3; look++) {
    await clock.armed();
    await clock.advance(60_000);
  }
  expect(tried).toEqual(["bad"]);
  held.token = "good";
  await clock.armed();
  await clock.advance(60_000);
  expect((await connected).value).toEqual({ state: "connected" });
  expect(await statuses.next()).toMatchObject({ done: true });
  expect(clock.timers).toBe(0);
});

test("it ends while it waits when it is asked to, and by every other failure", async () => {
  const waiting = account(undefined);
  await waiting.statuses.next();
  const end = waiting.statuses.next();
  await waiting.clock.armed();
  waiting.stop.abort();
  expect(await end).toMatchObject({ done: true });
  expect(waiting.clock.timers).toBe(0);
  expect(account("broken").statuses.next()).rejects.toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
});
