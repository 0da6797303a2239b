import type { Clock } from "@pincer/plugin-sdk/clock";
import { defineTool, refusedOutcome, type ToolOutcome, textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import type { Background, Process } from "./background.ts";
import { type ExecDeps, notOwner } from "./exec.ts";
import { stateInWords } from "./words.ts";

const longestWait = 60;

function shown(process: Process, said = ""): ToolOutcome {
  const fresh = process.command.output.text(process.shown).trimEnd();
  process.shown = process.command.output.total;
  const lines = [said, fresh || "(nothing new)", stateInWords(process.command)].filter((line) => line !== "");
  return textOutcome(lines.join("\n"), { id: process.id, running: !process.command.ending() });
}

async function waitFor({ command, shown: before }: Process, ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  using _timer = clock.after(ms, () => over.resolve());
  const abort = () => over.resolve();
  signal.addEventListener("abort", abort, { once: true });
  let isOver = signal.aborted;
  void over.promise.then(() => {
    isOver = true;
  });
  while (!isOver && !command.ending() && command.output.total === before) await Promise.race([command.changed(), over.promise]);
  signal.removeEventListener("abort", abort);
}

async function missing(background: Background, sessionKey: string, id: string | undefined): Promise<ToolOutcome> {
  if (id === undefined) return refusedOutcome("id was expected: that of a process in the list");
  const earlier = await background.earlier(sessionKey, id);
  if (earlier !== undefined) return textOutcome(earlier, { id, running: false });
  const list = await background.list(sessionKey);
  return refusedOutcome(
    `there is no background process ${id} in this session; ${list.length > 0 ? `there is\n${list.join("\n")}` : "there is none"}`,
  );
}

export const provideProcess = ({ settings, clock, background }: ExecDeps) =>
  defineTool({
    name: "process",
    summary: "See and steer background commands.",
    access: "exec",
    parameters: Type.Object({
      action: Type.Union([Type.Literal("list"), Type.Literal("poll"), Type.Literal("write"), Type.Literal("kill")]),
      id: Type.Optional(Type.String()),
      wait: Type.Optional(Type.Integer({ minimum: 0, maximum: longestWait, description: "poll: seconds to wait for news." })),
      input: Type.Optional(Type.String()),
      end: Type.Optional(Type.Boolean({ description: "write: close the input." })),
    }),
    timeoutMs: (longestWait + 30) * 1_000,
    async run({ action, id, wait = 0, input = "", end = false }, call, { signal }) {
      if (!call.owner) return notOwner;
      const { sessionKey } = call;
      if (action === "list") {
        const lines = await background.list(sessionKey);
        return textOutcome(lines.join("\n") || "no background processes in this session", { count: lines.length });
      }
      const process = id === undefined ? undefined : background.get(sessionKey, id);
      if (!process) return missing(background, sessionKey, id);
      if (action === "poll") {
        if (wait > 0) await waitFor(process, wait * 1_000, clock, signal);
        return shown(process);
      }
      if (action === "kill") {
        await process.command.stop("it was killed");
        return shown(process);
      }
      const { inputBytes } = settings();
      const length = Buffer.byteLength(input);
      if (length > inputBytes) return refusedOutcome(`${length} bytes are more than the ${inputBytes} that can be written at once`);
      if (await process.command.write(input, end)) return textOutcome(`wrote ${length} bytes${end ? " and closed the input" : ""}`);
      return refusedOutcome(`${process.id} takes no more input ${stateInWords(process.command)}`);
    },
  });
