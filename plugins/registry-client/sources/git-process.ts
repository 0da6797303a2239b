/**
 * `git`, as little of it as fetches one commit and reads its files: nothing that the machine, the user or the repository has configured counts, no
 * hook, filter or helper runs, nothing is checked out, and what the other side sends is bounded.
 */
import { clientErrors } from "../errors.ts";
import { environmentWith } from "./environment.ts";

export interface Git {
  /** What it says, and `REGISTRY_CLIENT_GIT_FAILED` with what it complains of when it fails. */
  run(args: readonly string[], options: RunOptions): Promise<Buffer>;
}

interface RunOptions {
  readonly signal: AbortSignal;
  /** Bytes of the answer. */
  readonly limit?: number;
  readonly input?: string;
}

const usualAnswer = 16 * 2 ** 20;

/** Of one process of git's, in bytes: what it is sent is unpacked in memory, where a megabyte can come to a gigabyte, and lists of branches have no end. */
const mostMemory = 2 ** 30;

const settings = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.askPass": "",
  "credential.helper": "",
  "fetch.recurseSubmodules": "false",
  "fetch.unpackLimit": "1",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "pack.threads": "1",
  "protocol.version": "2",
  "submodule.recurse": "false",
  "uploadpack.packObjectsHook": "",
  "http.followRedirects": "false",
  // Who sends less than a kilobyte a second for a minute is given up.
  "http.lowSpeedLimit": "1000",
  "http.lowSpeedTime": "60",
};

/** `protocol`: of the one address that it may fetch from, and no other. `fileBytes`: of any one file that it writes. */
export function createGit(protocol: "https" | "http" | "ssh" | "file", fileBytes: number): Git {
  const env = {
    ...environmentWith(["SSH_AUTH_SOCK", "GIT_SSL_CAINFO"]),
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LFS_SKIP_SMUDGE: "1",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=15 -oServerAliveCountMax=4",
    LC_ALL: "C",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  // The shell's own limits are those that every system has; some have none on memory. Their units are 512 bytes, and kilobytes.
  const limited = 'ulimit -f "$0"; ulimit -v "$1" 2>/dev/null || :; shift; exec git "$@"';
  const bounded = ["/bin/sh", "-c", limited, String(Math.ceil(fileBytes / 512)), String(mostMemory / 1024)];

  return {
    async run(args, { signal, limit = usualAnswer, input }) {
      signal.throwIfAborted();
      const child = Bun.spawn([...bounded, ...options, ...args], {
        cwd: "/",
        env,
        stdin: input === undefined ? "ignore" : Buffer.from(input),
        stdout: "pipe",
        stderr: "pipe",
        // Of its own group, so that what git has started ends with it.
        detached: true,
      });
      const end = () => {
        try {
          process.kill(-child.pid, "SIGKILL");
        } catch {
          // silent-ok: it has ended by itself
        }
      };
      signal.addEventListener("abort", end, { once: true });
      try {
        const [answer, complaint] = await Promise.all([taken(child.stdout, limit, end), taken(child.stderr, 64 * 1024, end)]);
        const code = await child.exited;
        signal.throwIfAborted();
        if (answer.more) throw failed(args, `expected an answer of at most ${limit} bytes, and more came`);
        if (code !== 0) throw failed(args, whyOf(complaint.bytes, `it ended with ${child.signalCode ?? code}`));
        return answer.bytes;
      } finally {
        signal.removeEventListener("abort", end);
      }
    },
  };
}

async function taken(stream: ReadableStream<Uint8Array>, limit: number, end: () => void) {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > limit) {
      end();
      break;
    }
    parts.push(part);
  }
  return { bytes: Buffer.concat(parts), more: size > limit };
}

const failed = (args: readonly string[], why: string) =>
  clientErrors.REGISTRY_CLIENT_GIT_FAILED(`git ${args.find((arg) => /^[a-z]/.test(arg)) ?? ""}: ${why}`);

/** Its last lines, of which the other side may have written some. */
function whyOf(complaint: Buffer, otherwise: string): string {
  const lines = complaint
    .toString()
    .split(/[\r\n]+/)
    .map((line) => line.replace(/\p{C}/gu, "").trim())
    .filter(Boolean);
  return lines.slice(-3).join("; ").slice(0, 500) || otherwise;
}
