import { realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { skillEnvironment } from "@pincer/plugin-sdk/contracts/skill-environment";
import { defineTool, failedOutcome, refusedOutcome, type ToolCall, type ToolOutcome, textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import type { Background } from "./background.ts";
import { type Command, startCommand } from "./command.ts";
import type { ExecConfig } from "./config.ts";
import { endingInWords } from "./words.ts";

export interface ExecDeps {
  settings(): ExecConfig;
  readonly clock: Clock;
  readonly background: Background;
  /** What a skill's commands get; absent: no plugin has skills. */
  readonly skills?: ImplementationOf<typeof skillEnvironment> | undefined;
}

/** The longest that an operator may allow; each call keeps its own, shorter time. */
const longestMs = 24 * 3_600_000;
export const notOwner = refusedOutcome("commands can be run only in the owner's own sessions, and this is not one of them");

async function folderOf(workspace: string, cwd: string): Promise<string | undefined> {
  const real = (path: string) => realpath(path).catch(() => undefined); // silent-ok: the answer says that there is no such folder
  const [root, folder] = await Promise.all([real(workspace), real(resolve(workspace, cwd))]);
  return root !== undefined && folder !== undefined && `${folder}${sep}`.startsWith(root === sep ? sep : `${root}${sep}`)
    ? folder
    : undefined;
}

function outcomeOf(command: Command): ToolOutcome {
  const ending = command.ending()!;
  const text = [command.output.text().trimEnd() || "(no output)", endingInWords(ending)].join("\n");
  const details = { exitCode: ending.code ?? null, signal: ending.signal ?? null, durationMs: ending.ms, bytes: command.output.total };
  return ending.code === 0 && ending.stopped === undefined ? textOutcome(text, details) : { ...failedOutcome(text), details };
}

type Given = { readonly variables: Record<string, string> } | { readonly refused: string };

/** Asked at each call: the plugin may come and go. */
async function variablesOf(
  deps: ExecDeps,
  skill: string,
  { agentId, runId }: Omit<ToolCall, "arguments">,
  signal: AbortSignal,
): Promise<Given> {
  const { skills } = deps;
  return skills === undefined
    ? { refused: `there is no skill ${skill} here: leave it out` }
    : skills.of({ skill, agentId, runId }, { signal });
}

export const provideExec = (deps: ExecDeps) =>
  defineTool({
    name: "exec",
    summary: "Run a shell command in the workspace.",
    access: "exec",
    timeoutMs: longestMs,
    parameters: Type.Object({
      command: Type.String({ minLength: 1, maxLength: 100_000 }),
      timeout: Type.Optional(Type.Integer({ minimum: 1, description: "Seconds." })),
      background: Type.Optional(Type.Boolean({ description: "Go on without waiting; see process." })),
      cwd: Type.Optional(Type.String()),
      skill: Type.Optional(Type.String({ description: "The skill in use whose variables the command needs." })),
    }),
    async *run({ command: text, timeout, background: isBackground = false, cwd = ".", skill }, call, { signal }) {
      if (!call.owner) return notOwner;
      const { clock, background } = deps;
      const config = deps.settings();
      if (text.includes("\0")) return refusedOutcome("a command cannot hold a NUL character");
      const folder = await folderOf(call.workspace, cwd);
      if (folder === undefined) return refusedOutcome(`${cwd} is no folder in the workspace ${call.workspace}`);
      const given = skill === undefined ? { variables: {} } : await variablesOf(deps, skill, call, signal);
      if ("refused" in given) return refusedOutcome(given.refused);
      const { variables } = given;
      if (signal.aborted) return failedOutcome("stopped before the command began");
      if (isBackground) return background.start(call.sessionKey, { text, cwd: folder, input: true, variables, settings: config, clock });

      const timeoutMs = Math.min((timeout ?? config.timeoutMs / 1_000) * 1_000, config.timeoutMaxMs);
      const command = startCommand({ text, cwd: folder, input: false, variables, settings: config, clock });
      const tooLong = `it was not done in ${timeoutMs / 1_000} s; say a longer timeout (at most ${config.timeoutMaxMs / 1_000}) or background: true`;
      using _deadline = clock.after(timeoutMs, () => void command.stop(tooLong));
      const abort = () => void command.stop("the call was aborted");
      signal.addEventListener("abort", abort, { once: true });
      try {
        const most = config.headBytes + config.tailBytes;
        for (let cursor = 0; !command.ending(); ) {
          await command.changed();
          if (cursor < command.output.total && cursor <= most) {
            const fresh = command.output.text(cursor);
            cursor = command.output.total;
            yield { text: cursor > most ? `${fresh}\n[more output follows, which is not shown while it runs]\n` : fresh };
          }
          const paced = Promise.withResolvers<void>();
          using _pace = clock.after(config.progressMs, () => paced.resolve());
          await Promise.race([paced.promise, command.ended]);
        }
        return outcomeOf(command);
      } finally {
        signal.removeEventListener("abort", abort);
        await command.stop("nobody waits for it any more");
      }
    },
  });
