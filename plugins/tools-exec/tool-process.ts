/** What others may know of the processes that commands run in, and one that is run in them without a shell. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { toolProcess } from "@pincer/plugin-sdk/contracts/tool-process";
import { environmentOf, startCommand } from "./command.ts";
import type { ExecConfig } from "./config.ts";

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export const toolProcesses = (settings: () => ExecConfig, clock: Clock, home: string): ImplementationOf<typeof toolProcess> => ({
  async look({ programs, variables }) {
    const environment = environmentOf(settings(), home);
    const path = environment["PATH"] ?? "";
    return {
      programs: programs.filter((program) => !program.includes("/") && Bun.which(program, { PATH: path, cwd: home }) !== null),
      variables: variables.filter((name) => (environment[name] ?? "") !== ""),
      system: process.platform,
    };
  },
  async run({ words, timeoutMs }, { signal }) {
    const command = startCommand({ text: words.map(quoted).join(" "), cwd: home, input: false, settings: settings(), clock });
    using _deadline = clock.after(timeoutMs, () => void command.stop(`it was not done in ${timeoutMs / 1_000} s`));
    const abort = () => void command.stop("the call was aborted");
    signal.addEventListener("abort", abort, { once: true });
    try {
      const { code, stopped } = await command.ended;
      const output = command.output.text().trimEnd();
      return {
        code: stopped === undefined ? (code ?? null) : null,
        output: stopped === undefined ? output : `${output}\n${stopped}`.trim(),
      };
    } finally {
      signal.removeEventListener("abort", abort);
    }
  },
});
