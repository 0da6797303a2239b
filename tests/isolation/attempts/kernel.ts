/** The kernel's own doors. `outside` is not tried where what it does cannot be undone. */
import type { Attempt } from "../attempt.ts";

/** A system call by its name, with arguments, a text being a pointer to it. */
const call = (
  title: string,
  name: string,
  args: readonly (number | string)[],
  expected: number,
  outside: Attempt["outside"] = { untried: "it would change this machine" },
): Attempt => ({
  name: title,
  given: [name, ...args],
  run: ({ call }, ...given) => call(...given),
  inside: new RegExp(`^value: ${expected}$`),
  outside,
});

const [EPERM, ENOSYS, EAFNOSUPPORT] = [-1, -38, -97];
const NEW = { user: 0x10000000, mount: 0x20000, pid: 0x20000000, net: 0x40000000 };

export const kernel: readonly Attempt[] = [
  {
    name: "any of the refused system calls, without arguments",
    run: ({ call, refused }) => refused.filter((name) => call(name) !== -1),
    inside: /^value: \[\]$/,
    outside: { untried: "some of them would work" },
  },
  call("mount a file system", "mount", ["none", "/tmp", "tmpfs", 0, 0], EPERM),
  call("unmount what hides something", "umount2", ["/tmp", 2], EPERM),
  call("change the root", "chroot", ["/tmp"], EPERM),
  call("make a namespace of users", "unshare", [NEW.user], EPERM),
  call("make a namespace of mounts", "unshare", [NEW.mount], EPERM),
  call("fork into a namespace of users", "clone", [NEW.user | 17, 0, 0, 0, 0], EPERM),
  call("fork by the call whose arguments cannot be seen", "clone3", [0, 0], ENOSYS),
  call("trace its first process", "ptrace", [16, 1, 0, 0], EPERM),
  call("read the memory of its first process", "process_vm_readv", [1, 0, 0, 0, 0, 0], EPERM),
  call("load a program into the kernel", "bpf", [0, 0, 0], EPERM),
  call("count the machine's events", "perf_event_open", [0, 0, -1, -1, 0], EPERM),
  call("read the keys of the user", "keyctl", [0, -4, 0], EPERM),
  call("make a ring that runs system calls", "io_uring_setup", [1, 0], EPERM),
  call("handle its own page faults", "userfaultfd", [0], EPERM, /^value: (\d+|-\d+)$/),
  call("open a file by its handle", "open_by_handle_at", [-100, 0, 0], EPERM, /^value: -(1|14)$/),
  call("list mounts", "listmount", [0, 0, 0, 0], EPERM, /^value: -(14|22|38)$/),
  call("move its memory about", "personality", [0x0040000], EPERM, /^value: \d+$/),
  call("keep memory that no process owns", "shmget", [0, 4096, 0o1600], EPERM, { untried: "it would stay" }),
  call("share memory that no limit counts", "mmap", [0, 4096, 3, 0x21, -1, 0], EPERM, /^value: \d{6,}$/),
  call("talk to the machine below this one", "socket", [40, 1, 0], EAFNOSUPPORT, /^value: \d+$/),
  call("make a unix socket", "socket", [1, 1, 0], EAFNOSUPPORT, /^value: \d+$/),
  call("make one for datagrams", "socket", [1, 2, 0], EAFNOSUPPORT, /^value: \d+$/),
  call("make a pair of such, to connect one of them elsewhere", "socketpair", [1, 2, 0, "12345678"], EAFNOSUPPORT, /^value: 0$/),
  {
    name: "connect what it was born with elsewhere",
    run: ({ call, host }) => call("connect", 3, `\x01\0${host.readableSocket}`, 3 + host.readableSocket.length),
    inside: /^value: -106$/,
    outside: /^value: -106$/,
  },
  call("see packets", "socket", [17, 3, 768], EAFNOSUPPORT, /^value: (\d+|-1)$/),
  call("use the kernel's ciphers", "socket", [38, 5, 0], EAFNOSUPPORT, /^value: (\d+|-97)$/),
  call("send packets of its own making", "socket", [2, 3, 1], EPERM, /^value: (\d+|-1)$/),
  call("ask the firewall", "socket", [16, 3, 12], EAFNOSUPPORT, /^value: \d+$/),
  call("type into a terminal", "ioctl", [0, 0x5412, "x"], EPERM, /^value: -\d+$/),
  call("name the machine", "sethostname", ["x", 1], EPERM),
  call("read the kernel's log", "syslog", [3, 0, 0], EPERM, { untried: "some users may" }),
  {
    name: "enter a namespace of its first process",
    run: ({ fs, call }) => call("setns", fs.openSync("/proc/1/ns/mnt", "r"), 0),
    inside: /^value: -1$|^error: EACCES/,
    outside: { untried: "it would leave this machine's" },
  },
  {
    name: "map itself to another user",
    run: ({ fs }) => fs.writeFileSync("/proc/self/uid_map", "0 0 1"),
    inside: /^error: (EROFS|EPERM|EACCES)/,
    outside: { untried: "nothing to map to" },
  },
];
