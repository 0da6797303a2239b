import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "./command.ts";
import { CliError } from "./failure.ts";
import { repository } from "./home.ts";

export const test: Run = async ({ args, terminal }) => {
  const runner = join(repository, "tests", "run.ts");
  if (!existsSync(runner)) throw new CliError("there are no tests here: this is not a checkout of the repository");
  const words = [...(terminal.json ? ["--json"] : []), ...args];
  return Bun.spawn([process.execPath, runner, ...words], { cwd: repository, stdio: ["ignore", "inherit", "inherit"] }).exited;
};
