/** System calls that no plugin needs, by their number on x86_64 and on aarch64 (absent where the processor has none). */
export type Numbers = readonly [x64: number | undefined, arm64: number | undefined];

/** One after the other, with both numbers; "-" for none. */
const listed = (...lines: readonly string[]): readonly (readonly [name: string, numbers: Numbers])[] =>
  lines.flatMap((line) =>
    line.split(", ").map((each) => {
      const [name = "", ...numbers] = each.split(" ");
      const [x64, arm64] = numbers.map((number) => (number === "-" ? undefined : Number(number)));
      return [name, [x64, arm64]] as const;
    }),
  );

/**
 * Refused whatever their arguments are. Most of them need a capability that a plugin does not have; they are refused all the same, because
 * it is in them that kernels had their holes.
 */
export const refused: Readonly<Record<string, Numbers>> = Object.fromEntries(
  listed(
    // other processes and the kernel itself
    "ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, pidfd_getfd 438 438",
    "kcmp 312 272, bpf 321 280, perf_event_open 298 241, userfaultfd 323 282, kexec_load 246 104, kexec_file_load 320 294",
    "init_module 175 105, finit_module 313 273, delete_module 176 106, reboot 169 142, syslog 103 116, iopl 172 -",
    "ioperm 173 -, modify_ldt 154 -",
    // rings run system calls that this filter does not see
    "io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427",
    // keys are not in any namespace
    "add_key 248 217, request_key 249 218, keyctl 250 219",
    // mounts, roots and namespaces
    "mount 165 40, umount2 166 39, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433, move_mount 429 429",
    "open_tree 428 428, open_tree_attr 467 467, mount_setattr 442 442, statmount 457 457, listmount 458 458",
    "pivot_root 155 41, chroot 161 51, setns 308 268, unshare 272 97, swapon 167 224, swapoff 168 225, quotactl 179 60",
    "quotactl_fd 443 443, acct 163 89",
    // a file by its handle, past every folder above it
    "name_to_handle_at 303 264, open_by_handle_at 304 265, fanotify_init 300 262, lookup_dcookie 212 18, nfsservctl 180 42",
    "uselib 134 -",
    // the machine's name and time
    "sethostname 170 161, setdomainname 171 162, settimeofday 164 170, clock_settime 227 112, clock_adjtime 305 266",
    "adjtimex 159 171, vhangup 153 58",
    // where memory lies
    "move_pages 279 239, migrate_pages 256 238, mbind 237 235, set_mempolicy 238 237, set_mempolicy_home_node 450 450",
    // memory that belongs to no process, and that no limit of a process counts
    "memfd_create 319 279, memfd_secret 447 447, shmget 29 194",
  ),
);

/** Judged by what they are called with. */
export const judged = {
  clone: [56, 220],
  clone3: [435, 435],
  socket: [41, 198],
  socketpair: [53, 199],
  ioctl: [16, 29],
  personality: [135, 92],
  mmap: [9, 222],
  chmod: [90, undefined],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  mknod: [133, undefined],
  mknodat: [259, 33],
  creat: [85, undefined],
  open: [2, undefined],
  openat: [257, 56],
  openat2: [437, 437],
} as const satisfies Readonly<Record<string, Numbers>>;

/** The newest system call that was looked at; what is newer does not exist for a plugin. */
export const newest = 470;
