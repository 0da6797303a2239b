/** What takes more than its share, and dies of it or is ended: each runs alone, as the entry of a confinement of its own. */
export interface Hog {
  /** Source of the entry. It says one line of JSON at a time. */
  readonly source: string;
  /** Whether its use is watched, and it is ended when it takes more. */
  readonly isWatched: boolean;
  /** Programs that it may run. */
  readonly exec?: readonly string[];
  readonly limits: { readonly memoryMb: number; readonly openFiles: number; readonly processes: number };
}

const say = 'const say = (value) => require("node:fs").writeSync(1, JSON.stringify(value) + "\\n");';
/** Doubles seven times, and spins; each for five seconds at most. */
const bomb = "ulimit -t 5; f() { if [ $1 -gt 0 ]; then f $(($1 - 1)) & f $(($1 - 1)) & wait; else while :; do :; done; fi; }; f 7";
const limits = { memoryMb: 128, openFiles: 64, processes: 4 };

/** Every one of them ends by itself too: a test must not hang on what it tests. */
export const hogs = {
  memory: {
    source: `${say} let mb = 0; const kept = []; for (; mb < 2000; mb++) { kept.push(Buffer.alloc(1 << 20, 1)); if (mb % 16 === 0) say(mb); }`,
    isWatched: false,
    limits,
  },
  "memory below what the kernel bounds": {
    source: `${say} globalThis.kept = []; for (let mb = 0; mb < 180; mb++) kept.push(Buffer.alloc(1 << 20, 1)); say("has it"); process.stdin.resume(); await new Promise((resolve) => AbortSignal.timeout(20000).addEventListener("abort", resolve));`,
    isWatched: true,
    limits,
  },
  files: {
    source: `${say} const fs = require("node:fs"); let open = 0; let code; try { for (; open < 5000; open++) fs.openSync("/dev/null", "r"); } catch (error) { code = error.code; } say([code, open]);`,
    isWatched: false,
    limits,
  },
  processes: {
    source: `await Bun.spawn(["/bin/sh", "-c", ${JSON.stringify(bomb)}]).exited;`,
    exec: ["/bin/sh"],
    isWatched: true,
    limits,
  },
  threads: {
    source: `${say} const all = Array.from({ length: 150 }, () => new Worker("data:text/javascript,setInterval(()=>{},1e6)")); await new Promise((resolve) => AbortSignal.timeout(20000).addEventListener("abort", resolve));`,
    isWatched: true,
    limits,
  },
  time: {
    source: `${say} Bun.spawn([process.execPath, "-e", "for(;;);"]); new Worker("data:text/javascript,for(;;);"); say("spins"); for (;;);`,
    isWatched: false,
    limits: { ...limits, memoryMb: 256 },
  },
  nothing: { source: `${say} say("done"); process.exit(7);`, isWatched: true, limits },
} as const satisfies Readonly<Record<string, Hog>>;
