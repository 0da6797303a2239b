/** A program in a terminal of its own, under tmux: what it shows is read as a person sees it, whenever it shows something new. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Terminal extends AsyncDisposable {
  /** What the screen shows now, without empty lines. */
  screen(): string;
  /** Resolves with the screen once it matches. Rejects after `ms` with what it shows instead. */
  sees(pattern: RegExp, ms?: number): Promise<string>;
  /** Presses keys by tmux's names for them: `Enter`, `Escape`. */
  press(...keys: readonly string[]): void;
  /** Types a line and, once it stands on the screen, sends it off; `sent` is what shows that it is. */
  enter(line: string, sent: RegExp): Promise<void>;
}

const patience = 60_000;

export function openTerminal(command: readonly string[], env: Readonly<Record<string, string>>): Terminal {
  const folder = mkdtempSync(join(tmpdir(), "pincer-tmux-"));
  const settings = join(folder, "tmux.conf");
  // What it said last stays to be read when the program has ended.
  writeFileSync(settings, "set-option -g remain-on-exit on\n");
  const tmux = ["tmux", "-S", join(folder, "socket"), "-f", settings];
  const run = (...words: readonly string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...tmux, ...words], { env: { ...env } });
    if (exitCode !== 0) throw new Error(`tmux ${words[0]} failed: ${stderr}`);
    return stdout.toString();
  };
  run("new-session", "-d", "-x", "140", "-y", "50", ...command);
  const watcher = Bun.spawn([...tmux, "-C", "attach-session", "-f", "read-only,ignore-size"], {
    env: { ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  let changed = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const _chunk of watcher.stdout) {
      changed.resolve();
      changed = Promise.withResolvers();
    }
  })();

  const screen = () =>
    run("capture-pane", "-p")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .join("\n");

  const sees = async (pattern: RegExp, ms = patience) => {
    const late = AbortSignal.timeout(ms);
    const expired = new Promise<void>((resolve) => late.addEventListener("abort", () => resolve()));
    for (;;) {
      const next = changed.promise;
      const shown = screen();
      if (pattern.test(shown)) return shown;
      if (late.aborted) throw new Error(`after ${ms} ms the terminal does not show ${pattern}, but:\n${shown}`);
      await Promise.race([next, expired]);
    }
  };

  return {
    screen,
    sees,
    press: (...keys) => void run("send-keys", ...keys),
    async enter(line, sent) {
      run("send-keys", "-l", line);
      await sees(new RegExp(RegExp.escape(line.trimEnd())));
      // A key that comes while a program is busy with something else can be lost.
      for (let tries = 1; ; tries++) {
        run("send-keys", "Enter");
        try {
          return void (await sees(sent, 3_000));
        } catch (error) {
          if (tries === 20) throw error;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      run("kill-server");
      await watcher.exited;
      await watching;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
