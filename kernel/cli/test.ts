import { join } from "node:path";
import type { Run } from "./command.ts";
import { CliError } from "./failure.ts";
import { isPackage, repository } from "./home.ts";

export const test: Run = async ({ args, terminal }) => {
  if (isPackage) throw new CliError("a package holds no tests: those of the repository are run in a clone of it");
  const runner = join(repository, "tests", "run.ts");
  const words = [...(terminal.json ? ["--json"] : []), ...args];
  const tests = Bun.spawn([process.execPath, runner, ...words], { cwd: repository, stdio: ["ignore", "inherit", "inherit"] });
  // Whoever ends this ends them, and hears how far they came.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => tests.kill(signal));
  return tests.exited;
};
