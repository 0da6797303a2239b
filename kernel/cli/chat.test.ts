import { expect, test } from "bun:test";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { createCliHome } from "../../tests/support/cli.ts";

test("one message is answered on the terminal, from the command line or a pipe", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const spoken = await home.pincer(["chat", "what", "time", "is", "it?"], { stdin: "" });
  expect(spoken).toMatchObject({ code: 0, err: "" });
  expect(spoken.out.trim()).not.toBe("");
  const piped = await home.pincer(["chat", "--json"], { stdin: "hello there" });
  expect(JSON.parse(piped.out)).toMatchObject({ state: "final", text: expect.stringMatching(/\S/) });
  expect(await home.pincer(["chat"], { stdin: "" })).toMatchObject({ code: 2, err: expect.stringContaining("there is nothing to say") });
});

testWith("tmux")("a conversation in a terminal streams, is stopped by Ctrl-C and left by /exit", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await using screen = terminal(home.command.concat("chat").join(" "), home.env);
  await screen.shows(/›/);
  screen.type("hello there");
  await screen.shows(/› hello there\n[\s\S]*\S[\s\S]*\n›/);
  screen.type("count to 100000, slowly");
  await screen.shows(/count to 100000, slowly\n+\S/);
  screen.key("C-c");
  await screen.shows(/stopped/);
  screen.type("/exit");
  await screen.ended();
});

testWith("tmux")("a gateway that dies in the middle of an answer is told once, with what to do", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await using screen = terminal(`sh -c '${home.command.concat("chat").join(" ")}; echo ended with $?; read -r _'`, home.env);
  await screen.shows(/›/);
  screen.type("count to 100000, slowly");
  await screen.shows(/count to 100000, slowly\n+\S/);
  process.kill((await home.json<{ pid: number }>(["status"])).pid, "SIGKILL");
  await screen.shows(/^(?:(?!closed)[\s\S])*\n\nerror the gateway closed the connection[^\n]*\nnext +\S[^\n]*\nended with 1\n/);
});

/** A terminal of its own, looked at until it shows what is expected; the test's own time limit ends the wait. */
function terminal(command: string, env: Readonly<Record<string, string>>) {
  const socket = `pincer-test-${crypto.randomUUID().slice(0, 8)}`;
  const tmux = (...words: string[]) => Bun.spawnSync(["tmux", "-L", socket, ...words], { env: { ...env, TERM: "xterm-256color" } });
  tmux("new-session", "-d", "-x", "100", "-y", "40", command);
  const text = () => tmux("capture-pane", "-p", "-t", "0").stdout.toString();
  return {
    async shows(pattern: RegExp) {
      while (!pattern.test(text())) await new Promise((resolve) => setImmediate(resolve));
    },
    type: (line: string) => void tmux("send-keys", "-t", "0", line, "Enter"),
    key: (name: string) => void tmux("send-keys", "-t", "0", name),
    async ended() {
      while (tmux("has-session").exitCode === 0) await new Promise((resolve) => setImmediate(resolve));
    },
    async [Symbol.asyncDispose]() {
      tmux("kill-server");
    },
  };
}
