/** How many may wait at the door, and who makes room there. */
import { expect, test } from "bun:test";
import { startBus } from "../../tests/support/bus.ts";
import { openRawSocket } from "../../tests/support/raw-socket.ts";

const client = { id: "cli", version: "1.0.0", platform: "linux", mode: "cli" };
const connectFrame = { type: "req", id: "c1", method: "connect", params: { minProtocol: 4, maxProtocol: 4, client } };

test("sockets that wait for their hello are bounded, and those that say nothing keep nobody out", async () => {
  await using host = await startBus({ settings: { handshakes: 2 } });
  const first = host.open();
  await first.event("connect.challenge");
  const second = host.open();
  await second.event("connect.challenge");
  expect((await host.connect()).hello).toMatchObject({ type: "hello-ok" });
  expect(await first.closed).toMatchObject({ code: 1013, reason: "others wait" });
  expect((await host.connect()).hello).toMatchObject({ type: "hello-ok" });
  await second.close();
});

test("while all who arrive are being judged, no further one is taken", async () => {
  const judging = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const judged = Promise.withResolvers<never>();
  let asked = 0;
  const connect = () => {
    judging[asked++]?.resolve();
    return judged.promise;
  };
  const access = { connect, request: async () => ({ ok: false, status: 401 }) as const };
  await using host = await startBus({ settings: { handshakes: 2 }, deps: { access } });
  for (const { promise } of judging) {
    const socket = host.open();
    await socket.event("connect.challenge");
    socket.send(connectFrame);
    await promise;
  }
  expect((await openRawSocket(host.url)).upgrade).toStartWith("HTTP/1.1 503");
  judged.reject(new Error("enough"));
});
