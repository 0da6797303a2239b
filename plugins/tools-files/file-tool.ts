/** What every tool here shares: the workspace opened, and refusals told to the model instead of thrown. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type Access, defineTool, failedOutcome, refusedOutcome, type ToolOutcome } from "@pincer/plugin-sdk/contracts/tool";
import type { Static, TObject } from "@sinclair/typebox";
import type { FilesConfig } from "./config.ts";
import { openRoot, Refusal, type Root } from "./root.ts";

interface FileToolDeps {
  settings(): FilesConfig;
  readonly clock: Clock;
}

export interface Workspace {
  readonly root: Root;
  readonly settings: FilesConfig;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface FileTool<P extends TObject> {
  readonly name: string;
  readonly summary: string;
  readonly access: Access & ("read" | "write");
  readonly parameters: P;
  run(args: Static<P>, workspace: Workspace): Promise<ToolOutcome>;
}

/** What the disk says that a model, or whoever it tells, can do something about. */
const diskFull: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EMFILE: "too many files are open",
};

/** Tools that write to one workspace take turns, so that two changes of one file never lose one another. */
const turns = new Map<string, Promise<unknown>>();

function inTurn<T>(workspace: string, run: () => Promise<T>): Promise<T> {
  const turn = (turns.get(workspace) ?? Promise.resolve()).then(run, run);
  turns.set(workspace, turn);
  const leave = () => {
    if (turns.get(workspace) === turn) turns.delete(workspace);
  };
  turn.then(leave, leave);
  return turn;
}

export const provideFileTool = <P extends TObject>(tool: FileTool<P>, { settings, clock }: FileToolDeps) =>
  defineTool({
    ...tool,
    async run(args, call, { signal }) {
      const work = async () => {
        signal.throwIfAborted();
        return tool.run(args, { root: await openRoot(call.workspace), settings: settings(), clock, signal });
      };
      try {
        return await (tool.access === "write" ? inTurn(call.workspace, work) : work());
      } catch (error) {
        if (error instanceof Refusal) return refusedOutcome(error.message);
        if (signal.aborted) return failedOutcome(`${tool.name} was stopped before it was done; nothing was changed`);
        const known = diskFull[(error as NodeJS.ErrnoException).code ?? ""];
        if (known !== undefined) return failedOutcome(`${tool.name} did not work: ${known}; nothing was changed`);
        throw error;
      }
    },
  });

/** "1 file", "2 files". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
