import { describe, expect, test } from "bun:test";
import { type ModelAnswer, ModelAnswer as ModelAnswerSchema, type ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Message, ToolCallBlock } from "@pincer/plugin-sdk/message";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { modelRequest, readStream, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { Value } from "@sinclair/typebox/value";
import { DemoConfig } from "./config.ts";
import { createDemoProvider } from "./provider.ts";
import { spokenText, understand } from "./understand.ts";

const NOON = Date.UTC(2026, 10, 20, 12, 34);

const tool = (name: string, ...names: string[]) => ({
  name,
  description: name,
  parameters: { type: "object", properties: Object.fromEntries(names.map((one) => [one, { type: "string" }])), required: names },
});
const TOOLS = [
  tool("list", "path"),
  tool("read", "path"),
  tool("write", "path", "content"),
  tool("grep", "pattern", "path"),
  tool("glob", "pattern"),
  tool("exec", "command"),
];

const demo = (clock: ManualClock = createManualClock(NOON), deltaMs = 0) =>
  createDemoProvider({ config: { deltaMs, deltaChars: 12 }, clock });
const ask = (messages: readonly Message[], more: Partial<ModelRequest> = {}) =>
  readStream(demo().stream(modelRequest("demo/offline", messages, { tools: TOOLS, ...more }), { signal: new AbortController().signal }));

const textOf = ({ message }: ModelAnswer) => message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
const callsOf = ({ message }: ModelAnswer) => message.content.filter((block): block is ToolCallBlock => block.type === "toolCall");
const resultOf = ({ id, name }: ToolCallBlock, text: string, isError = false): Message => ({
  role: "toolResult",
  toolCallId: id,
  toolName: name,
  content: [{ type: "text", text }],
  isError,
  timestamp: NOON,
});

/** Plays a turn to its end: every call is answered from the table, by the tool's name. */
async function turn(said: string, results: Readonly<Record<string, string | Error>> = {}, before: readonly Message[] = []) {
  const messages: Message[] = [...before, userMessage(said)];
  const calls: ToolCallBlock[] = [];
  for (let round = 0; round < 5; round++) {
    const { answer } = await ask(messages);
    messages.push(answer.message);
    const asked = callsOf(answer);
    if (asked.length === 0) return { text: textOf(answer), calls, messages };
    for (const call of asked) {
      calls.push(call);
      const result = results[call.name] ?? "";
      messages.push(resultOf(call, result instanceof Error ? result.message : result, result instanceof Error));
    }
  }
  throw new Error("the demo never came to an end");
}

describe("what is understood", () => {
  test.each([
    ["list the files", [{ kind: "list", path: undefined }]],
    ["List all files, please!", [{ kind: "list", path: undefined }]],
    ["what files are in docs/", [{ kind: "list", path: "docs/" }]],
    ["show the files in `src`", [{ kind: "list", path: "src" }]],
    ["ls", [{ kind: "list", path: undefined }]],
    ["what's in the workspace?", [{ kind: "list", path: undefined }]],
    ["read README.md", [{ kind: "read", path: "README.md" }]],
    ["Can you show me the file notes/today.txt?", [{ kind: "read", path: "notes/today.txt" }]],
    ["cat 'my file.txt'", [{ kind: "read", path: "my file.txt" }]],
    ["what time is it?", [{ kind: "time" }]],
    ["tell me the time", [{ kind: "time" }]],
    ["what's the date", [{ kind: "time" }]],
    ["remember that I like tea and cake.", [{ kind: "remember", fact: "I like tea and cake" }]],
    ["please remember: my cat is called Mia", [{ kind: "remember", fact: "my cat is called Mia" }]],
    ["what do you remember about me?", [{ kind: "recall" }]],
    ["run `ls -la | head`", [{ kind: "run", command: "ls -la | head" }]],
    ["run date", [{ kind: "run", command: "date" }]],
    ['search for "green tea" in notes/', [{ kind: "search", query: "green tea", path: "notes/" }]],
    ["search for tea", [{ kind: "search", query: "tea", path: undefined }]],
    ["find files named *.md", [{ kind: "find", pattern: "*.md" }]],
    ["write notes.txt with buy milk and eggs", [{ kind: "write", path: "notes.txt", content: "buy milk and eggs" }]],
    ["Hello!", [{ kind: "greet" }]],
    ["who are you?", [{ kind: "who" }]],
    ["what can you do?", [{ kind: "help" }]],
    ["how do I add a real model?", [{ kind: "setup" }]],
    ["thanks a lot", [{ kind: "thanks" }]],
    ["list the files and tell me the time", [{ kind: "list", path: undefined }, { kind: "time" }]],
    [
      "read a.txt, then read b.txt and list the files",
      [
        { kind: "read", path: "a.txt" },
        { kind: "read", path: "b.txt" },
        { kind: "list", path: undefined },
      ],
    ],
    ["count to 9999", [{ kind: "count", to: 500 }]],
  ])("%p", (said, intents) => {
    expect(understand(said)).toEqual(intents as never);
  });

  test.each(["why is the sky blue?", "", "   ", "delete everything", "list the files and launch the rocket", "tea"])(
    "%p is not",
    (said) => {
      expect(understand(said)).toEqual([]);
    },
  );

  test("the time that the agent writes before a message, and the marks of a stranger's, are no part of it", () => {
    expect(spokenText("[Fri 2026-11-20 12:34 UTC] list the files")).toBe("list the files");
    expect(
      spokenText(
        '[Fri 2026-11-20 12:34 GMT+1, Ada on telegram] <untrusted-0a1b from="a message of Ada">\nlist the files\n</untrusted-0a1b>',
      ),
    ).toBe("list the files");
    expect(spokenText("[x] is a box")).toBe("[x] is a box");
  });

  test("no message at all makes it slow or fail", () => {
    let state = 7;
    const below = (limit: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    const words = [
      "list",
      "show",
      "files",
      " and ",
      "in ",
      "the ",
      "run ",
      "remember that ",
      "\n",
      ".",
      "`",
      '"',
      "a/b.c",
      "search for ",
      "👍",
      " ",
      "what ",
    ];
    const begin = process.cpuUsage();
    for (let round = 0; round < 3000; round++) {
      const said = Array.from({ length: below(40) }, () => words[below(words.length)]).join("");
      expect(Array.isArray(understand(said))).toBe(true);
    }
    expect(Array.isArray(understand("list the files and ".repeat(2000)))).toBe(true);
    expect(Array.isArray(understand("show ".repeat(20_000)))).toBe(true);
    // A pattern that tries every way to read this would take hours.
    expect(process.cpuUsage(begin).user / 1_000).toBeLessThan(20_000);
  });
});

describe("a conversation with the demo", () => {
  test("the first answer says that it is offline, later ones do not", async () => {
    const first = await turn("hello");
    expect(first.text).toContain("Offline demo");
    const second = await turn("thanks", {}, first.messages);
    expect(second.text).toBe("You're welcome.");
    expect((await demo().models({}, { signal: new AbortController().signal })).models[0]?.name).toContain("Offline");
  });

  test("the same question gives the same answer", async () => {
    const [one, two] = [await ask([userMessage("what can you do?")]), await ask([userMessage("what can you do?")])];
    expect(two).toEqual(one);
  });

  test("list the files: the tool is called by the name that was given, and its result is shown", async () => {
    const { text, calls } = await turn("list the files", { list: "AGENTS.md\nnotes/" });
    expect(calls).toMatchObject([{ name: "list", arguments: { path: "." } }]);
    expect(text).toContain("- `AGENTS.md`\n- `notes/`");
  });

  test("tools of other names and arguments are found too", async () => {
    const { answer } = await ask([userMessage("run date")], { tools: [tool("system_exec", "cmd")] });
    expect(callsOf(answer)).toMatchObject([{ name: "system_exec", arguments: { cmd: "date" } }]);
  });

  test("several wishes are calls of one answer, each answered in its order", async () => {
    const { text, calls } = await turn("read a.md and list the files and tell me the time", { read: "# A", list: "a.md" });
    expect(calls.map(({ name }) => name)).toEqual(["read", "list"]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(text.indexOf("# A")).toBeLessThan(text.indexOf("- `a.md`"));
    expect(text).toMatch(/It is \*\*\d\d:\d\d [^*]+\*\* \(.+\), \w+,? 2\d November 2026/);
  });

  test("remember: what was there is kept, and a line is added", async () => {
    const { text, calls } = await turn("remember that I like tea", { read: "# Memory\n- my cat is Mia\n", write: "ok" });
    expect(calls.map(({ name, arguments: given }) => [name, given])).toEqual([
      ["read", { path: "MEMORY.md" }],
      ["write", { path: "MEMORY.md", content: "# Memory\n- my cat is Mia\n- I like tea\n" }],
    ]);
    expect(text).toContain("I'll remember: I like tea.");
  });

  test("remember: without a file one is begun; with a tool that appends nothing is read", async () => {
    const { calls } = await turn("remember that I like tea", { read: new Error("no such file") });
    expect(calls[1]?.arguments).toEqual({ path: "MEMORY.md", content: "# Memory\n\n- I like tea\n" });
    const { answer } = await ask([userMessage("remember that I like tea")], { tools: [tool("write", "path", "content", "append")] });
    expect(callsOf(answer)).toMatchObject([{ name: "write", arguments: { path: "MEMORY.md", content: "- I like tea\n", append: true } }]);
  });

  test("remember: a file that was not shown whole is not written back", async () => {
    const cut = "- one\n- two\n[lines 1 to 2 of 900; read on with offset 3]";
    const { text, calls } = await turn("remember that I like tea", { read: cut });
    expect(calls.map(({ name }) => name)).toEqual(["read"]);
    expect(text).toContain("too long for me to add to it safely");
    expect((await turn("remember that I like tea", { read: "- long line… (9 more characters)" })).calls).toHaveLength(1);
  });

  test("a tool that failed or was refused is told as it is", async () => {
    expect((await turn("run rm -rf /", { exec: new Error("refused by policy") })).text).toContain("refused by policy");
    expect((await turn("what do you remember?", { read: new Error("no such file") })).text).toContain("I remember nothing yet");
  });

  test("without tools it says which are missing", async () => {
    const { answer } = await ask([userMessage("list the files")], { tools: [] });
    expect(textOf(answer)).toContain("no tool here that lists files");
  });

  test("an unknown question is answered kindly, with what can be asked and how to add a model", async () => {
    const { text } = await turn("why is the sky blue?");
    expect(text).toContain("“why is the sky blue?”");
    for (const hint of ["list the files", "OPENAI_API_KEY=... pincer restart", "pincer secrets set OPENAI_API_KEY", "Ollama"])
      expect(text).toContain(hint);
  });

  test("file contents cannot break out of their block", async () => {
    const { text } = await turn("read a.md", { read: "```\nfenced\n```\nrm -rf" });
    expect(text).toContain("````markdown\n```\nfenced\n```\nrm -rf\n````");
  });

  test("what is said while a tool runs is answered in the same turn", async () => {
    const { answer } = await ask([userMessage("list the files")]);
    const [call] = callsOf(answer);
    const messages = [
      userMessage("list the files"),
      answer.message,
      resultOf(call as ToolCallBlock, "a.md"),
      userMessage("and what time is it?"),
    ];
    const next = (await ask(messages)).answer;
    expect(textOf(next)).toContain("- `a.md`");
    expect(textOf(next)).toContain("November 2026");
  });

  test("asked to summarise a conversation, it keeps what the user said", async () => {
    const conversation =
      "<conversation>\nUser (Fri 2026-11-20 12:00 UTC): list the files\n\nAssistant (Fri 2026-11-20 12:00 UTC): In the workspace\n</conversation>";
    const { answer } = await ask([userMessage(conversation)], { tools: [] });
    expect(textOf(answer)).toBe("The user said:\n- list the files");
  });
});

describe("as a provider", () => {
  const io = { signal: new AbortController().signal };

  test("answers stream in small pieces that make up the whole, on the clock", async () => {
    const clock = createManualClock(NOON);
    const stream = demo(clock, 6).stream(modelRequest("demo/offline", [userMessage("count to 30")]), io);
    const reading = readStream(stream);
    await clock.advance(6 * 500);
    const { events, answer } = await reading;
    const deltas = events.map((event) => (event.type === "text" ? event.delta : ""));
    expect(deltas.length).toBeGreaterThan(10);
    expect(deltas.join("")).toBe(textOf(answer));
    expect(Math.max(...deltas.slice(-10).map(({ length }) => length))).toBeLessThanOrEqual(16);
    expect(Value.Check(ModelAnswerSchema, answer)).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test("tool calls are announced behind the text, and usage is estimated and free", async () => {
    const { events, answer } = await ask([userMessage("list the files")]);
    expect(events.at(-1)).toMatchObject({ type: "tool-call", index: 1, name: "list" });
    expect(answer.stopReason).toBe("toolUse");
    expect(answer.usage.cost).toBe(0);
    expect(answer.usage.input).toBeGreaterThan(100);
    expect(answer.usage.totalTokens).toBe(answer.usage.input + answer.usage.output);
  });

  test("an abort ends it with what was said", async () => {
    const clock = createManualClock(NOON);
    const caller = new AbortController();
    const stream = demo(clock, 6).stream(modelRequest("demo/offline", [userMessage("count to 100")]), { signal: caller.signal });
    const first = stream.next();
    await clock.advance(6);
    await first;
    const rest = readStream(stream);
    caller.abort();
    const { answer } = await rest;
    expect(answer.stopReason).toBe("aborted");
    expect(answer.message.content).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  test("an answer that was cut off goes on behind what was sent", async () => {
    const whole = textOf((await ask([userMessage("count to 20")])).answer);
    const begun: Message = { role: "assistant", content: [{ type: "text", text: whole.slice(0, 40) }], timestamp: NOON };
    const { answer } = await ask([userMessage("count to 20"), begun]);
    expect(whole.slice(0, 40) + textOf(answer)).toBe(whole);
  });

  test("another model is refused, and its endpoint is always ready", async () => {
    const { answer } = await readStream(demo().stream(modelRequest("demo/gpt", [userMessage("hello")]), io));
    expect(answer).toMatchObject({ stopReason: "error", failure: { class: "bad-request" } });
    expect(await demo().endpoints({}, io)).toEqual({
      endpoints: [{ endpoint: "demo", label: "Offline demo", ready: true, defaultModel: "offline" }],
    });
  });

  test("its configuration has quick defaults", () => {
    expect(Value.Parse(DemoConfig, {})).toEqual({ deltaMs: 6, deltaChars: 12 });
  });
});
