/**
 * Installs weather into a home again and again, in which the disk is full from one step on, a later one each time, and says how each went, and how it
 * is once there is room again. Arguments: the home, which has a disk of its own.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { driftOf, unlockedIn } from "../../plugins/registry-client/engine/home/drift.ts";
import { keyOf } from "../../plugins/registry-client/engine/home/lock.ts";
import type { Request } from "../../plugins/registry-client/engine/plan/plan.ts";
import type { Progress } from "../../plugins/registry-client/engine/surroundings.ts";
import { told } from "../../plugins/registry-client/errors.ts";
import { engineOfHome } from "../../plugins/registry-client/home.ts";

const [home = ""] = process.argv.slice(2);
const ballast = join(home, "ballast");
const weather = { kind: "plugins", id: "weather" } as const;
const { signal } = new AbortController();

function fill(): void {
  for (const size of [65_536, 4_096, 1])
    try {
      for (;;) writeFileSync(ballast, new Uint8Array(size), { flag: "a" });
    } catch {
      // silent-ok: that is the point
    }
}

async function run(request: Request, fullFrom?: Progress["step"]) {
  const engine = await engineOfHome(home, ({ step }) => void (step === fullFrom && fill()), signal);
  const outcome = await told(async () => {
    const { token, items } = await engine.plan(request, signal);
    await engine.apply(request, { token, accepted: items.flatMap(({ needs }) => needs) }, signal);
  }).then(
    () => "done",
    (error) => error.code ?? error.stack,
  );
  const entry = engine.packages()[keyOf(weather)];
  const unlocked = [...unlockedIn(home, engine.packages())].map(({ id }) => id);
  return { outcome, locked: entry !== undefined, drift: entry ? await driftOf(home, weather, entry) : [], unlocked };
}

const install: Request = { do: "install", packages: ["weather"] };
const outcomes = [];
for (const step of ["fetching", "staging", "dependencies", "placing", "configuring", "settled", "locked", "done"] as const) {
  const full = await run(install, step);
  rmSync(ballast, { force: true });
  const again = await run(install);
  outcomes.push({ step, full, again });
  await run({ do: "remove", packages: ["weather"], data: true });
}
process.stdout.write(JSON.stringify(outcomes));
