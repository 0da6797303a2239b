/**
 * Does what is asked for in a home, and is killed at the beginning of a step, or sent another signal: `bun dying-installer.ts <home> <step> <request as
 * JSON> [signal]`. Says the step before.
 */
import { writeSync } from "node:fs";
import { engineOfHome } from "../../plugins/registry-client/home.ts";

const [home = "", at = "", request = "", kind = "SIGKILL"] = process.argv.slice(2);
const { signal } = new AbortController();
const asked = JSON.parse(request);
const tell = ({ step }: { readonly step: string }) => {
  if (step !== at) return;
  writeSync(1, `${step}\n`);
  process.kill(process.pid, kind);
};
const engine = await engineOfHome(home, tell, signal);
const { token, items } = await engine.plan(asked, signal);
await engine.apply(asked, { token, accepted: items.flatMap(({ needs }) => needs) }, signal);
