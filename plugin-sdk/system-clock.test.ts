import { expect, test } from "bun:test";
import { systemClock as clock } from "./system-clock.ts";

test("a sleep takes its time and measures by the growing clock", async () => {
  const before = clock.monotonic();
  await clock.sleep(5);
  expect(clock.monotonic() - before).toBeGreaterThanOrEqual(4);
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
});

test("a sleep rejects with the reason of its signal, also when it was aborted before", async () => {
  const abort = new AbortController();
  const sleeping = clock.sleep(60_000, abort.signal);
  abort.abort(new Error("no more"));
  await expect(sleeping).rejects.toThrow("no more");
  await expect(clock.sleep(60_000, abort.signal)).rejects.toThrow("no more");
});

test("a timer of more than 25 days does not fire at once", async () => {
  let early = false;
  using _ = clock.after(40 * 86_400_000, () => {
    early = true;
  });
  await clock.sleep(10);
  expect(early).toBe(false);
});

test("a repeating timer runs again and again, and a disposed one never", async () => {
  const never = clock.after(1, () => {
    throw new Error("a disposed timer ran");
  });
  never[Symbol.dispose]();
  const thrice = Promise.withResolvers<void>();
  let runs = 0;
  using _ = clock.every(1, () => {
    if (++runs === 3) thrice.resolve();
  });
  await thrice.promise;
  expect(runs).toBeGreaterThanOrEqual(3);
});

test("timers do not keep the process alive, a sleep that is awaited does", async () => {
  const code = (body: string) => `import { systemClock as clock } from ${JSON.stringify(`${import.meta.dir}/system-clock.ts`)}; ${body}`;
  const run = (body: string) => Bun.spawn([process.execPath, "-e", code(body)], { stdout: "pipe", cwd: import.meta.dir });
  const idle = run("clock.after(60_000, () => {}); clock.every(60_000, () => {}); console.log('idle')");
  expect(await idle.exited).toBe(0);
  const asleep = run("await clock.sleep(20); console.log('woke')");
  expect(await new Response(asleep.stdout).text()).toBe("woke\n");
});
