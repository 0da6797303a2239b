/** `pincer chat`: a conversation in the terminal. Ctrl-C stops the answer, then the program. */
import { createInterface, type Interface } from "node:readline";
import { bold, cyan, dim, red, yellow } from "@pincer/plugin-sdk/command/colour";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { type Client, connect } from "./client.ts";
import type { Run } from "./command.ts";
import { CliError } from "./failure.ts";
import { textOf } from "./sessions.ts";
import type { Terminal } from "./terminal.ts";

interface ChatEvent {
  readonly runId: string;
  readonly state: "status" | "delta" | "final" | "aborted" | "error";
  readonly deltaText?: string;
  readonly replace?: boolean;
  readonly message?: { readonly content: Parameters<typeof textOf>[0] };
  readonly errorMessage?: string;
}
interface ToolEvent {
  readonly runId: string;
  readonly stream: string;
  readonly data: { readonly phase?: string; readonly name?: string; readonly args?: unknown; readonly isError?: boolean };
}

export const chat: Run = async ({ args, flags, home, terminal }) => {
  const sessionKey = typeof flags["session"] === "string" ? flags["session"] : "main";
  const piped = process.stdin.isTTY ? "" : (await Bun.stdin.text()).trim();
  const message = [args.join(" "), piped].filter((part) => part !== "").join("\n\n");
  using client = await connect(home, ["tool-events"], terminal.json);
  // Awaited here, since `using` closes the connection when this function ends.
  if (message !== "") return await once(client, sessionKey, message, terminal);
  if (!process.stdin.isTTY || terminal.json)
    throw new CliError("there is nothing to say", { exit: EXIT.usage, next: 'pincer chat "hello"' });
  return await converse(client, sessionKey, terminal);
};

async function once(client: Client, sessionKey: string, message: string, terminal: Terminal): Promise<number> {
  const turn = say(client, sessionKey, message, terminal);
  process.once("SIGINT", turn.abort);
  const outcome = await turn.ended;
  if (terminal.json) terminal.result(outcome, "");
  return outcome.state === "final" ? EXIT.done : outcome.state === "aborted" ? EXIT.interrupted : EXIT.failed;
}

async function converse(client: Client, sessionKey: string, terminal: Terminal): Promise<number> {
  const lines: Interface = createInterface({ input: process.stdin, output: process.stdout, prompt: `${cyan(bold("›"))} ` });
  terminal.print(dim(`Session ${sessionKey}.  /exit leaves, Ctrl-C stops an answer, a line that ends in \\ goes on.\n`));
  let turn: ReturnType<typeof say> | undefined;
  let unfinished = "";
  const done = Promise.withResolvers<number>();
  lines.on("SIGINT", () => {
    if (turn) turn.abort();
    else lines.close();
  });
  let isOpen = true;
  lines.on("close", () => {
    isOpen = false;
    done.resolve(EXIT.done);
  });
  void client.closed.then((error) => {
    done.reject(error);
    lines.close();
  });
  lines.on("line", async (line) => {
    unfinished += line.endsWith("\\") ? `${line.slice(0, -1)}\n` : line;
    if (line.endsWith("\\")) return;
    const text = unfinished.trim();
    unfinished = "";
    if (text === "/exit" || text === "/quit") return lines.close();
    if (text !== "") {
      turn = say(client, sessionKey, text, terminal);
      await turn.ended.catch((error: Error) => void (isOpen && terminal.print(red(error.message))));
      turn = undefined;
    }
    if (isOpen) lines.prompt();
  });
  lines.prompt();
  return done.promise.finally(() => lines.close());
}

/** Sends one message and writes the answer as it comes. */
function say(client: Client, sessionKey: string, message: string, terminal: Terminal) {
  const runId = crypto.randomUUID();
  const ended = Promise.withResolvers<ChatEvent & { readonly text: string }>();
  let text = "";
  const write = (part: string) => {
    if (!terminal.json) process.stdout.write(part);
  };
  client.onEvent((name, payload) => {
    if ((payload as { runId?: string } | undefined)?.runId !== runId) return;
    if (name === "agent") return showTool(payload as ToolEvent, terminal);
    if (name !== "chat") return;
    const event = payload as ChatEvent;
    if (event.state === "status") return;
    const whole = event.message ? textOf(event.message.content) : "";
    if (event.state === "delta") {
      const part = event.deltaText ?? "";
      write(event.replace && text !== "" ? `\n${dim("(taken up again)")}\n${whole}` : part);
      text = whole || text + part;
      return;
    }
    if (event.state === "final" && text === "") write(whole);
    if (event.state === "final" || text !== "") write("\n\n");
    if (event.state === "aborted") write(`${yellow("stopped")}\n\n`);
    if (event.state === "error") write(`${red("error")} ${event.errorMessage ?? "the turn failed"}\n\n`);
    ended.resolve({ ...event, text: whole || text });
  });
  void client.closed.then((error) => {
    write("\n\n");
    ended.reject(error);
  });
  client.call("chat.send", { sessionKey, message, idempotencyKey: runId }).catch((error) => ended.reject(error));
  const abort = () => void client.call("chat.abort", { sessionKey, runId }).catch((error) => ended.reject(error));
  return { ended: ended.promise, abort };
}

function showTool({ stream, data }: ToolEvent, terminal: Terminal): void {
  if (stream !== "tool" || terminal.json) return;
  if (data.phase === "start") terminal.print(dim(`\n  ${data.name}(${JSON.stringify(data.args ?? {}).slice(0, 120)})`));
  if (data.phase === "result" && data.isError) terminal.print(`  ${yellow("failed")}`);
}
