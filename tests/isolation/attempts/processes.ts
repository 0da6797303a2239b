/** Other processes, what the gateway's own knows, and programs that nobody permitted. */
import type { Attempt } from "../attempt.ts";

const unseen = /^value: (\[\]|null|nothing|"")$/;

export const processes: readonly Attempt[] = [
  {
    name: "read the environment of the first process",
    run: ({ fs }) => fs.readFileSync("/proc/1/environ", "latin1"),
    inside: /^value: "(?!.*the-secret)/,
    outside: /^value|EACCES/,
  },
  {
    name: "read its own environment",
    run: ({ fs, c }) => [
      fs.readFileSync("/proc/self/environ", "latin1"),
      JSON.stringify(process.env),
      JSON.stringify(Bun.env),
      c.getenv("GATEWAY_TOKEN"),
    ],
    inside: /^value: (?!.*(the-secret|GATEWAY|PLANTED|USER|SSH|LD_))/,
    outside: /the-secret/,
  },
  {
    name: "read the environment in a worker",
    run: () =>
      new Promise((resolve) => {
        const worker = new Worker(
          'data:text/javascript,postMessage(JSON.stringify([process.env,require("fs").readFileSync("/proc/self/environ","latin1")]))',
        );
        worker.onmessage = ({ data }) => resolve(data);
      }),
    inside: /^value: "(?!.*the-secret)/,
    outside: /the-secret/,
  },
  {
    name: "read the gateway's environment",
    run: ({ fs, host }) => fs.readFileSync(`/proc/${host.pid}/environ`, "latin1"),
    inside: /^error: ENOENT/,
    outside: /the-secret/,
  },
  {
    name: "find the secret in any process's environment",
    run: ({ fs, host }) =>
      fs
        .readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => {
          try {
            return fs.readFileSync(`/proc/${pid}/environ`, "latin1").includes(host.secret);
          } catch {
            return false;
          }
        }).length,
    inside: /^value: 0$/,
    outside: /^value: [1-9]/,
  },
  {
    name: "see other processes",
    run: ({ fs }) => fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length < 5,
    inside: /^value: true/,
    outside: /^value: false/,
  },
  {
    name: "open the gateway's memory",
    run: ({ fs, host }) => fs.openSync(`/proc/${host.pid}/mem`, "r+"),
    inside: /^error: ENOENT/,
    outside: /^value|EACCES/,
  },
  {
    name: "list the gateway's open files",
    run: ({ fs, host }) => fs.readdirSync(`/proc/${host.pid}/fd`),
    inside: /^error: ENOENT/,
    outside: /^value/,
  },
  {
    name: "enter the gateway's root",
    run: ({ fs, host }) => fs.statSync(`/proc/${host.pid}/root/etc/passwd`).size,
    inside: /^error: ENOENT/,
    outside: /^value: \d/,
  },
  {
    name: "enter the gateway's folder",
    run: ({ fs, host }) => fs.readdirSync(`/proc/${host.pid}/cwd/`),
    inside: /^error: ENOENT/,
    outside: /^value/,
  },
  {
    name: "use a file that the gateway left open",
    run: ({ fs, host }) =>
      fs
        .readdirSync("/proc/self/fd")
        .map((fd) => {
          try {
            return fs.readlinkSync(`/proc/self/fd/${fd}`);
          } catch {
            return "";
          }
        })
        .filter((path) => path.startsWith(host.home) || path.includes("confinement")),
    inside: unseen,
    outside: { untried: "Bun itself closes what it does not hand on" },
  },
  {
    name: "use a file that its first process left open",
    run: ({ fs }) =>
      fs
        .readdirSync("/proc/1/fd")
        .map((fd) => fs.readlinkSync(`/proc/1/fd/${fd}`))
        .filter((path) => path.startsWith("/") && path !== "/dev/null"),
    inside: unseen,
    outside: { untried: "the first process is the machine's" },
  },
  {
    name: "learn from its first process how it is confined",
    run: ({ fs }) => /bind|confinement|seccomp/.test(fs.readFileSync("/proc/1/cmdline", "latin1").split("\0--\0", 1)[0]!),
    inside: /^value: false/,
    outside: { untried: "the first process is the machine's" },
  },
  { name: "ask whether the gateway runs", run: ({ host }) => process.kill(host.pid, 0), inside: /^error: ESRCH/, outside: /^value: true/ },
  {
    name: "end what started it",
    run: ({ fs }) => {
      process.kill(process.ppid, "SIGKILL");
      process.kill(1, "SIGTERM");
      return fs.readFileSync("/proc/1/comm", "latin1").trim();
    },
    inside: /^value: "bwrap"/,
    outside: { untried: "it would end this test" },
  },
  { name: "run a shell", run: ({ sh, host }) => sh(host.shell, "-c", "id"), inside: /^error: ENOENT/, outside: /uid=/ },
  {
    name: "run a shell by Bun",
    run: async () => (await Bun.$`/bin/sh -c id`.nothrow().quiet()).exitCode,
    inside: /^value: (1|126|127)|^error/,
    outside: /^value: 0/,
  },
  { name: "run a program of the machine", run: ({ sh }) => sh("/usr/bin/env"), inside: /^error: ENOENT/, outside: /^value: "0/ },
  {
    name: "run Bun again, and read with that",
    run: ({ sh, host }) => sh(process.execPath, "-e", `console.log(require("fs").readFileSync(${JSON.stringify(host.config)}, "utf8"))`),
    inside: /^value: "1 .*ENOENT/,
    outside: /the-secret/,
  },
  {
    name: "run a program that it made in its data",
    run: ({ fs, sh, host }) => {
      fs.copyFileSync(host.loader, `${host.data}/program`);
      fs.chmodSync(`${host.data}/program`, 0o755);
      return sh(`${host.data}/program`, "--version");
    },
    inside: /^error: EACCES/,
    outside: /^value/,
  },
  {
    name: "run a program that it made in /tmp",
    run: ({ fs, sh, host }) => {
      fs.copyFileSync(host.loader, "/tmp/program-of-a-plugin");
      fs.chmodSync("/tmp/program-of-a-plugin", 0o755);
      try {
        return sh("/tmp/program-of-a-plugin", "--version");
      } finally {
        fs.unlinkSync("/tmp/program-of-a-plugin");
      }
    },
    inside: /^error: EACCES/,
    outside: /^value/,
  },
  {
    name: "run a script that it made",
    run: ({ fs, sh, host }) => {
      fs.writeFileSync(`${host.data}/script`, `#!${process.execPath}\nconsole.log("ran")`, { mode: 0o755 });
      return sh(`${host.data}/script`);
    },
    inside: /^error: EACCES/,
    outside: /ran/,
  },
  {
    name: "run a program in a folder that it may write",
    run: ({ fs, sh, host }) => {
      fs.copyFileSync(host.loader, `${host.writable}/program`);
      fs.chmodSync(`${host.writable}/program`, 0o755);
      return sh(`${host.writable}/program`, "--version");
    },
    inside: /^error: EACCES/,
    outside: /^value/,
  },
  {
    name: "have the loader run it instead",
    run: ({ fs, sh, host }) => {
      fs.copyFileSync(host.libc, `${host.data}/loaded`);
      return sh(host.loader, `${host.data}/loaded`);
    },
    inside: /^value: "(126|127) .*(failed to map|cannot)/,
    outside: /^value: "0 /,
  },
  {
    name: "load a library of its own",
    run: ({ fs, c, host }) => {
      fs.copyFileSync(host.libm, `${host.data}/own.so`);
      return Object.keys(c.open(`${host.data}/own.so`, { cos: { args: ["f64"], returns: "f64" } }).symbols);
    },
    inside: /^error: /,
    outside: /^value: \["cos"\]/,
  },
  {
    name: "run from memory alone",
    run: ({ call }) => call("memfd_create", "program", 0),
    inside: /^value: -1$/,
    outside: { untried: "it takes a pointer" },
  },
  { name: "become root", run: () => process.setuid!(0), inside: /^error: (EPERM|EINVAL)/, outside: /^value|EPERM/ },
  {
    name: "become somebody else",
    run: () => process.setgid!(12),
    inside: /^error: (EPERM|EINVAL)/,
    outside: { untried: "it could not go back" },
  },
  {
    name: "go before everybody else",
    run: ({ os }) => os.setPriority(0, -20),
    inside: /^error: EACCES|ERR_SYSTEM_ERROR/,
    outside: /^value|EACCES|ERR_SYSTEM_ERROR/,
  },
  {
    name: "use up what the gateway watches files with",
    run: ({ c }) => {
      const { symbols } = c.open("libc.so.6", { inotify_init: { args: [], returns: "i32" } });
      let made = 0;
      while (made < 100 && symbols.inotify_init() >= 0) made++;
      return made;
    },
    inside: /^value: 1[0-6]$/,
    outside: { untried: "it would use up this machine's" },
  },
  {
    name: "have capabilities, or get them",
    run: ({ fs }) =>
      fs
        .readFileSync("/proc/self/status", "latin1")
        .match(/^(Cap\w+|NoNewPrivs|Seccomp):\s+(\w+)/gm)
        ?.map((line) => line.replace(/\s+/g, "")),
    inside: /^value: \["CapInh:0+","CapPrm:0+","CapEff:0+","CapBnd:0+","CapAmb:0+","NoNewPrivs:1","Seccomp:2"\]/,
    outside: /Seccomp:0/,
  },
  {
    name: "have its files read before its own code: a preload, an environment",
    run: ({ fs }) => [
      Reflect.get(globalThis, "planted") ?? null,
      process.env["PLANTED"] ?? null,
      fs.existsSync("/bunfig.toml"),
      process.cwd(),
    ],
    inside: /^value: \[null,null,false,"\/"\]/,
    outside: /^value: \["planted","planted"/,
  },
];
