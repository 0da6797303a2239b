/** Files of the machine, and those that a plugin has of its own. */
import type { Attempt } from "../attempt.ts";

const harmful = { untried: "it would change this machine" };

export const files: readonly Attempt[] = [
  { name: "read /etc/passwd", run: ({ fs }) => fs.readFileSync("/etc/passwd", "utf8"), inside: /^error: ENOENT/, outside: /root:/ },
  { name: "read /etc/shadow", run: ({ fs }) => fs.readFileSync("/etc/shadow", "utf8"), inside: /^error: ENOENT/, outside: /root:|EACCES/ },
  {
    name: "read the gateway's configuration",
    run: ({ fs, host }) => fs.readFileSync(host.config, "utf8"),
    inside: /^error: ENOENT/,
    outside: /the-secret/,
  },
  { name: "read the key file", run: ({ fs, host }) => fs.readFileSync(host.key, "utf8"), inside: /^error: ENOENT/, outside: /the-secret/ },
  {
    name: "read another plugin's data",
    run: ({ fs, host }) => fs.readFileSync(host.others, "utf8"),
    inside: /^error: ENOENT/,
    outside: /the-secret/,
  },
  { name: "list the gateway's home", run: ({ fs, host }) => fs.readdirSync(host.home), inside: /^value: \[\]/, outside: /config\.json5/ },
  {
    name: "list the folders of people",
    run: ({ fs }) => [fs.existsSync("/home"), fs.existsSync("/root"), fs.existsSync("/usr"), fs.existsSync("/var/log")],
    inside: /^value: \[false,false,false,false\]/,
    outside: /^value: \[true,true,true,true\]/,
  },
  {
    name: "list the root",
    run: ({ fs }) => fs.readdirSync("/").sort(),
    inside: /^value: \["dev","etc","lib",("lib64",)?"pincer","proc","tmp","var"\]/,
    outside: /"usr"/,
  },
  {
    name: "list /etc",
    run: ({ fs }) =>
      ["alternatives", "hosts", "nsswitch.conf", "passwd", "resolv.conf", ...(fs.readdirSync("/etc").length > 3 ? ["more"] : [])].filter(
        (name) => name === "more" || fs.existsSync(`/etc/${name}`),
      ),
    inside: /^value: \["hosts","nsswitch.conf","resolv.conf"\]/,
    outside: /"passwd"/,
  },
  { name: "stat the key file", run: ({ fs, host }) => fs.statSync(host.key).size, inside: /^error: ENOENT/, outside: /^value: \d/ },
  {
    name: "stat its own folder by the gateway's path",
    run: ({ fs, host }) => fs.statSync(host.hostData).mode,
    inside: /^error: ENOENT/,
    outside: /^value: \d/,
  },
  {
    name: "climb out by ..",
    run: ({ fs, host }) => fs.readFileSync(`${host.data}/../../../../../../../../etc/passwd`, "utf8"),
    inside: /^error: ENOENT/,
    outside: /root:/,
  },
  {
    name: "read through /proc/self/root",
    run: ({ fs, host }) => fs.readFileSync(`/proc/self/root${host.config}`, "utf8"),
    inside: /^error: ENOENT/,
    outside: /the-secret/,
  },
  {
    name: "read through /proc/self/cwd",
    run: ({ fs }) => fs.readFileSync(`/proc/self/cwd${"/..".repeat(20)}/etc/passwd`, "utf8"),
    inside: /^error: ENOENT/,
    outside: /root:/,
  },
  {
    name: "read through /proc/1/root",
    run: ({ fs, host }) => fs.readFileSync(`/proc/1/root${host.config}`, "utf8"),
    inside: /^error: ENOENT/,
    outside: /the-secret|EACCES/,
  },
  {
    name: "read through a symbolic link in its data",
    run: ({ fs, host }) => {
      fs.symlinkSync(host.config, `${host.data}/link${process.pid}`);
      return fs.readFileSync(`${host.data}/link${process.pid}`, "utf8");
    },
    inside: /^error: ENOENT/,
    outside: /the-secret/,
  },
  {
    name: "read through a link to the root",
    run: ({ fs, host }) => {
      fs.symlinkSync("/", `${host.data}/root${process.pid}`);
      return fs.readFileSync(`${host.data}/root${process.pid}/etc/passwd`, "utf8");
    },
    inside: /^error: ENOENT/,
    outside: /root:/,
  },
  {
    name: "make a hard link to the key file",
    run: ({ fs, host }) => {
      fs.linkSync(host.key, `${host.data}/hard`);
      return fs.readFileSync(`${host.data}/hard`, "utf8");
    },
    inside: /^error: ENOENT/,
    outside: /the-secret/,
  },
  {
    name: "make a hard link to its own entry, to write through it",
    run: ({ fs, host }) => fs.linkSync("/pincer/entry.js", `${host.data}/entry`),
    inside: /^error: (EXDEV|EPERM|EROFS)/,
    outside: { untried: "there is no such file" },
  },
  {
    name: "make a hard link from a folder that it may read into one that it may write",
    run: ({ fs, host }) => {
      fs.linkSync(`${host.readable}/note`, `${host.writable}/note`);
      fs.writeFileSync(`${host.writable}/note`, "changed");
    },
    inside: /^error: (EXDEV|EPERM)/,
    outside: { untried: "the folder is somebody else's then" },
  },
  {
    name: "read what it may read",
    run: ({ fs, host }) => fs.readFileSync(`${host.readable}/note`, "utf8"),
    inside: /^value: "a note"/,
    outside: /^value: "a note"/,
  },
  {
    name: "write where it may only read",
    run: ({ fs, host }) => fs.writeFileSync(`${host.readable}/new`, "x"),
    inside: /^error: EROFS/,
    outside: /^value/,
  },
  {
    name: "change the mode of what it may only read",
    run: ({ fs, host }) => fs.chmodSync(`${host.readable}/note`, 0o777),
    inside: /^error: EROFS/,
    outside: /^value/,
  },
  {
    name: "read the gateway's home inside a folder that it may read",
    run: ({ fs, host }) => fs.readdirSync(`${host.readable}/home`),
    inside: /^value: \[\]/,
    outside: /config\.json5/,
  },
  {
    name: "write into the empty folder that hides it",
    run: ({ fs, host }) => fs.writeFileSync(`${host.readable}/home/x`, "x"),
    inside: /^error: (EROFS|EACCES)/,
    outside: /^value/,
  },
  {
    name: "write where it may write",
    run: ({ fs, host }) => {
      fs.writeFileSync(`${host.writable}/mine`, "x");
      return fs.readdirSync(host.writable).includes("mine");
    },
    inside: /^value: true/,
    outside: /^value: true/,
  },
  {
    name: "write beside where it may write",
    run: ({ fs, host }) => fs.writeFileSync(`${host.writable}/../beside`, "x"),
    inside: /^error: (EROFS|ENOENT)/,
    outside: /^value/,
  },
  {
    name: "replace its own entry",
    run: ({ fs }) => fs.writeFileSync("/pincer/entry.js", "x"),
    inside: /^error: (EROFS|EACCES)/,
    outside: { untried: "there is no such file" },
  },
  {
    name: "replace the Bun that runs it",
    run: ({ fs }) => fs.renameSync("/pincer/bun", "/pincer/old"),
    inside: /^error: (EROFS|EBUSY)/,
    outside: { untried: "there is no such file" },
  },
  { name: "make a folder at the root", run: ({ fs }) => fs.mkdirSync("/made"), inside: /^error: EROFS/, outside: harmful },
  { name: "make a file in /etc", run: ({ fs }) => fs.writeFileSync("/etc/made", ""), inside: /^error: EROFS/, outside: harmful },
  {
    name: "change what names lead to",
    run: ({ fs }) => {
      fs.chmodSync("/etc/hosts", 0o644);
      fs.appendFileSync("/etc/hosts", "8.8.8.8 localhost\n");
    },
    inside: /^error: EROFS/,
    outside: harmful,
  },
  {
    name: "look into what confines it",
    run: ({ fs, host }) => fs.readdirSync(host.hostRun),
    inside: /^error: ENOENT/,
    outside: /"filter"/,
  },
  {
    name: "make a file that makes its owner of whoever runs it",
    run: ({ fs, host }) => {
      fs.writeFileSync(`${host.data}/suid`, "");
      fs.chmodSync(`${host.data}/suid`, 0o4755);
      return fs.statSync(`${host.data}/suid`).mode.toString(8);
    },
    inside: /^error: EPERM/,
    outside: /^value: "104755"/,
  },
  {
    name: "the same by the mode of a new file",
    run: ({ fs, host }) => {
      fs.closeSync(fs.openSync(`${host.data}/suid2`, "w", 0o4755));
      return fs.statSync(`${host.data}/suid2`).mode.toString(8);
    },
    inside: /^error: EPERM/,
    outside: /^value: "1047/,
  },
  {
    name: "give a file of its own to somebody else",
    run: ({ fs, host }) => {
      fs.writeFileSync(`${host.data}/gift`, "");
      fs.chownSync(`${host.data}/gift`, 0, 0);
    },
    inside: /^error: (EPERM|EINVAL)/,
    outside: /^value|EPERM/,
  },
  {
    name: "make a device",
    run: ({ sh, host, process }) => {
      process.execFileSync("/bin/mknod", [`${host.data}/disk`, "b", "8", "0"]);
      return sh("/bin/ls", host.data);
    },
    inside: /^error: ENOENT/,
    outside: harmful,
  },
  {
    name: "make a device by the system call",
    run: ({ c, host }) => {
      const path = Buffer.from(`${host.data}/null2\0`);
      const { symbols } = c.open("libc.so.6", { mknod: { args: ["ptr", "u32", "u64"], returns: "i32" } });
      return symbols.mknod(path, 0o020666, 0x103n);
    },
    inside: /^value: -1/,
    outside: harmful,
  },
  {
    name: "open memory, disks and terminals",
    run: ({ fs }) =>
      ["mem", "kmsg", "vda", "sda", "tty", "ptmx", "fuse", "kvm", "net/tun", "zero", "console"].filter((name) =>
        fs.existsSync(`/dev/${name}`),
      ),
    inside: /^value: \[\]/,
    outside: /"tty"/,
  },
  // To the mode that it has: should this ever get through, the machine is as it was.
  { name: "change the mode of /dev/null", run: ({ fs }) => fs.chmodSync("/dev/null", 0o666), inside: /^error: EROFS/, outside: harmful },
  { name: "read /sys", run: ({ fs }) => fs.readdirSync("/sys"), inside: /^error: ENOENT/, outside: /"kernel"/ },
  {
    name: "read settings of the kernel",
    run: ({ fs }) => fs.readFileSync("/proc/sys/kernel/core_pattern", "utf8"),
    inside: /^error: ENOENT/,
    outside: /^value/,
  },
  {
    name: "write settings of the kernel",
    run: ({ fs }) => fs.writeFileSync("/proc/sys/kernel/core_pattern", "|/pincer/data/x"),
    inside: /^error: (ENOENT|EROFS)/,
    outside: harmful,
  },
  {
    name: "write what the kernel does at a key",
    run: ({ fs }) => fs.writeFileSync("/proc/sysrq-trigger", "x"),
    inside: /^error: (EACCES|EROFS|EPERM|ENOENT)/,
    outside: harmful,
  },
  {
    name: "read the kernel's memory and log",
    run: ({ fs }) =>
      ["kcore", "kmsg", "kpageflags", "timer_list", "slabinfo", "vmallocinfo"].filter((name) => {
        try {
          fs.closeSync(fs.openSync(`/proc/${name}`, "r"));
          return true;
        } catch {
          return false;
        }
      }),
    inside: /^value: \[\]/,
    outside: /"kmsg"|\[\]/,
  },
  {
    name: "not be the first to go when memory runs out",
    run: ({ fs }) => fs.readFileSync("/proc/self/oom_score_adj", "latin1").trim(),
    inside: /^value: "500"/,
    outside: /^value/,
  },
  {
    name: "be spared when memory runs out",
    run: ({ fs }) => fs.writeFileSync("/proc/self/oom_score_adj", "0"),
    inside: /^error: (EROFS|EACCES)/,
    outside: /^value|EACCES/,
  },
  {
    name: "fill /tmp",
    run: ({ fs }) => {
      const block = Buffer.alloc(1 << 20);
      let mb = 0;
      try {
        for (; mb < 200; mb++) fs.appendFileSync("/tmp/fill", block);
      } catch (error) {
        fs.unlinkSync("/tmp/fill");
        return [(error as NodeJS.ErrnoException).code, mb];
      }
      fs.unlinkSync("/tmp/fill");
      return mb;
    },
    inside: /^value: \["ENOSPC",6\d\]/,
    outside: { untried: "it would fill this machine's" },
  },
  {
    name: "fill /tmp with empty files",
    run: ({ fs }) => {
      let made = 0;
      fs.mkdirSync("/tmp/many");
      try {
        for (; made < 40_000; made++) fs.closeSync(fs.openSync(`/tmp/many/${made}`, "w"));
      } catch (error) {
        fs.rmSync("/tmp/many", { recursive: true });
        return [(error as NodeJS.ErrnoException).code, made];
      }
      return made;
    },
    inside: /^value: \["ENOSPC",1\d{4}\]/,
    outside: { untried: "it takes as long as it says" },
  },
  {
    name: "fill /dev/shm beyond /tmp",
    run: ({ fs }) => {
      fs.writeFileSync("/dev/shm/x", "x");
      return fs.existsSync("/tmp/x");
    },
    inside: /^value: true/,
    outside: { untried: "it would stay" },
  },
];
