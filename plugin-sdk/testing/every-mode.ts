/** Tests that run however a plugin's code stands to whoever calls it. */
import { afterAll, describe, test } from "bun:test";
import { type Mode, modes, unconfinable } from "./modes.ts";
import { type Declare, testUnless } from "./needs.ts";

/** Known before the first test is declared, since which tests there are is not for a test to say. */
const inProcess = testUnless("bubblewrap", await unconfinable());

/**
 * As `test`, for tests in that mode: where no process can be confined they are skipped, and say so. What drives the time runs inline alone: a process
 * has the machine's (`StartPluginOptions.mode`).
 */
export const testIn = (mode: Mode): Declare => (mode === "process" ? inProcess : test);

/**
 * `suite` declares tests by the `test` that it is given; what they start, they start in that mode.
 *
 * ```ts
 * inEveryMode("the parrot", (mode, test) => {
 *   test("repeats what was said", async () => {
 *     await using kit = await startPlugin(import.meta.dir, { mode });
 *     ...
 *   });
 * });
 * ```
 */
export function inEveryMode(title: string, suite: (mode: Mode, test: Declare) => void): void {
  for (const mode of modes) describe(`${title}, ${mode}`, () => suite(mode, testIn(mode)));
}

/** What the tests of one `describe` share, since it takes its time: started with the first of them that asks for it. */
export function shared<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  afterAll(async () => void (await (await started)?.[Symbol.asyncDispose]()));
  return () => (started ??= start());
}
