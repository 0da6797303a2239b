import { expect, test } from "bun:test";
import { startFaults } from "./faults.ts";

test("a tunnel that is cut ends at both of its sides", async () => {
  const greeted = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, own) => (own.upgrade(request) ? undefined : new Response("no WebSocket")),
    websocket: { message: (socket, text) => void socket.send(text), close: () => closed.resolve() },
  });
  await using faults = startFaults(`http://127.0.0.1:${server.port}`);
  const socket = new WebSocket(faults.url.replace("http", "ws"));
  const gone = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.addEventListener("open", () => socket.send("hello"));
  socket.addEventListener("message", () => greeted.resolve());
  await greeted.promise;
  faults.disconnect();
  await Promise.all([gone, closed.promise]);
  expect(socket.readyState).toBe(WebSocket.CLOSED);
});
