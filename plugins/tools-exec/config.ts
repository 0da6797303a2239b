import { type Static, Type } from "@sinclair/typebox";

const bound = (fallback: number, description: string) => Type.Integer({ default: fallback, minimum: 1, description });

export const ExecConfig = Type.Object({
  shell: Type.String({ default: "", description: "Absolute path of the shell; empty: bash where there is one, else /bin/sh." }),
  pass: Type.Array(Type.String(), {
    default: ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PINCER_HOME"],
    description: "Variables of the gateway's environment that commands see. No other is passed on.",
  }),
  environment: Type.Record(Type.String(), Type.String(), { default: {}, description: "Further variables for commands." }),
  timeoutMs: bound(30_000, "Milliseconds a command may take when the model does not say."),
  timeoutMaxMs: bound(600_000, "Milliseconds a command may take at most; longer ones belong in the background."),
  killMs: bound(2_000, "Milliseconds between asking processes to end and killing them."),
  drainMs: bound(500, "Milliseconds that output is still waited for when a command has ended."),
  progressMs: bound(100, "Milliseconds between two pieces of progress."),
  headBytes: bound(12_000, "Bytes kept of the beginning of an output."),
  tailBytes: bound(20_000, "Bytes kept of the end of an output."),
  outputBytes: bound(200_000_000, "Bytes after which a command that writes without end is stopped."),
  inputBytes: bound(1_000_000, "Bytes of one write to a background process."),
  backgroundPerSession: bound(8, "Background processes that run at once for one session."),
  backgroundTotal: bound(32, "Background processes that run at once."),
  backgroundMs: bound(86_400_000, "Milliseconds a background process may live."),
  endedKept: bound(20, "Ended background processes that are remembered for a session."),
});
export type ExecConfig = Static<typeof ExecConfig>;
