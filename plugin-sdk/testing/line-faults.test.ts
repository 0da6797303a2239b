/** The plugin is a bare socket here, and the server says every line twice. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createServer, type Server, connect as tcp } from "node:net";
import type { Faults } from "./faults.ts";
import { type LineFault, startLineFaults } from "./line-faults.ts";

let done: string[];
let server: Server;
let faults: Faults<LineFault>;

async function listening(): Promise<Server> {
  const made = createServer((socket) => {
    let rest = "";
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      const lines = (rest + bytes).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        done.push(line);
        socket.write(`${line}\r\n${line}!\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return made;
}
const portOf = (made: Server): number => (made.address() as { readonly port: number }).port;

beforeEach(async () => {
  done = [];
  server = await listening();
  faults = await startLineFaults(`127.0.0.1:${portOf(server)}`, { rejected: (line) => `no ${line}\r\n` });
});
afterEach(async () => {
  await faults[Symbol.asyncDispose]();
  await new Promise((resolve) => server.close(resolve));
});

function open(address = faults.url) {
  const socket = tcp({ host: "127.0.0.1", port: Number(address.split(":")[1]) });
  const over = Promise.withResolvers<void>();
  const changes = new EventTarget();
  const changed = () => void changes.dispatchEvent(new Event("change"));
  let heard = "";
  let isOver = false;
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    heard += bytes;
    changed();
  });
  socket.on("close", () => {
    isOver = true;
    changed();
    over.resolve();
  });
  return {
    say: (...lines: readonly string[]) => void socket.write(lines.map((line) => `${line}\r\n`).join("")),
    raw: (text: string) => void socket.write(text),
    end: () => void socket.destroy(),
    over: over.promise,
    heard: () => heard,
    async until(text: string): Promise<string> {
      while (!heard.includes(text) && !isOver) await new Promise((resolve) => changes.addEventListener("change", resolve, { once: true }));
      return heard;
    },
  };
}

const turns = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

test("what has no fault passes as it is, both ways, in whatever pieces it comes", async () => {
  const line = open();
  line.raw("he");
  line.raw("llo\r\nagain\r");
  line.raw("\n");
  expect(await line.until("again!\r\n")).toBe("hello\r\nhello!\r\nagain\r\nagain!\r\n");
  expect([faults.asked(), faults.asked({ line: "hell" })]).toEqual([2, 1]);
});

test("refused does nothing, lost does it and tells nobody, cut tells half a line of it", async () => {
  const outcomes: string[] = [];
  for (const fault of ["refused", "lost", "cut"] as const) {
    faults.next({ line: "two" }, fault);
    const line = open();
    line.say("one");
    await line.until("one!\r\n");
    line.say("two", "three");
    await line.over;
    outcomes.push(line.heard().slice("one\r\none!\r\n".length));
    expect(done.filter((each) => each === "two")).toHaveLength(fault === "refused" ? 0 : 1);
    done = [];
  }
  expect(outcomes).toEqual(["", "", "tw"]);
});

test("an answer ends behind so many bytes, or before a line", async () => {
  faults.next({}, { afterBytes: 5 }, { beforeLine: "b!" });
  const first = open();
  first.say("hello");
  await first.over;
  expect(first.heard()).toBe("hello");
  const second = open();
  second.say("b");
  await second.over;
  expect(second.heard()).toBe("b\r\n");
});

test("a line is refused in the protocol's own words, and a fault without words is none", async () => {
  faults.next({ line: "sell" }, "rejected");
  const line = open();
  line.say("buy", "sell", "buy more");
  expect(await line.until("buy more!")).toContain("no sell\r\n");
  expect(done).toEqual(["buy", "buy more"]);
  expect(() => faults.next({}, "unavailable")).toThrow("no fault");
});

test("a held answer waits, and so does what follows it; another connection does not", async () => {
  const gate = Promise.withResolvers<void>();
  faults.next({ line: "slow" }, { held: gate.promise });
  const [held, other] = [open(), open()];
  held.say("slow");
  other.say("quick");
  await other.until("quick!");
  await turns(() => done.includes("slow"));
  expect(held.heard()).toBe("");
  gate.resolve();
  expect(await held.until("slow!\r\n")).toBe("slow\r\nslow!\r\n");
});

test("a kept line is not done before it may be, and never when the connection breaks meanwhile", async () => {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  faults.next({ line: "keep" }, { kept: first.promise }, { kept: second.promise });
  const line = open();
  line.say("keep one");
  await turns(() => faults.asked({ line: "keep one" }) === 1);
  expect(done).toEqual([]);
  first.resolve();
  await line.until("keep one!");
  line.say("keep two");
  await turns(() => faults.asked({ line: "keep two" }) === 1);
  faults.disconnect();
  second.resolve();
  await line.over;
  faults.connect();
  const next = open();
  next.say("last");
  await next.until("last!");
  expect(done).toEqual(["keep one", "last"]);
});

test("a disconnection breaks what is open and what begins, until it is over", async () => {
  const line = open();
  line.say("one");
  await line.until("one!");
  faults.disconnect();
  await line.over;
  const refused = open();
  refused.say("two");
  await refused.over;
  expect(done).toEqual(["one"]);
  faults.connect();
  const again = open();
  again.say("three");
  expect(await again.until("three!")).toContain("three");
});

test("several servers of one platform are on the same network", async () => {
  const second = await listening();
  await using road = await startLineFaults(`127.0.0.1:${portOf(server)},127.0.0.1:${portOf(second)}`);
  for (const [index, address] of road.url.split(",").entries()) {
    road.next({ line: `to ${index}` }, "lost");
    const line = open(address);
    line.say(`to ${index}`);
    await line.over;
  }
  expect([done, road.asked()]).toEqual([["to 0", "to 1"], 2]);
  await new Promise((resolve) => second.close(resolve));
});
