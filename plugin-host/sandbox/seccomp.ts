/** The filter of system calls as the kernel takes it: classic BPF over `struct seccomp_data`, put together by hand. */
import { judged, type Numbers, newest, refused } from "./syscalls.ts";

export type Machine = "x64" | "arm64";

const offset = { number: 0, machine: 4, argument: (index: number) => 16 + 8 * index };
const audit: Readonly<Record<Machine, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** Calls of the x32 personality carry this bit, and would pass every comparison by number. */
const X32 = 0x40000000;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];
const load = (at: number): Instruction => [0x20, 0, 0, at];
const mask = (value: number): Instruction => [0x54, 0, 0, value];
/** Jumps count instructions to skip. */
const jump =
  (code: number) =>
  (value: number, ifTrue: number, ifFalse: number): Instruction => [code, ifTrue, ifFalse, value];
const equal = jump(0x15);
const atLeast = jump(0x35);
const anyBit = jump(0x45);
const allow: Instruction = [0x06, 0, 0, 0x7fff0000];
const fail = (errno: number): Instruction => [0x06, 0, 0, 0x00050000 | errno];

/** What one call of a system call must be like to fail. Bits are looked at in the lower half of an argument, where the kernel reads them too. */
interface Condition {
  readonly argument: number;
  /** Fails when any of these bits is set. */
  readonly any?: number;
  /** Fails when all of these bits are set. */
  readonly all?: number;
  /** Fails when it is one of these. */
  readonly oneOf?: readonly number[];
  /** Fails when it is none of these. */
  readonly noneOf?: readonly number[];
}

/** Goes on behind itself when the condition holds, and elsewhere by `escape`, which stands for a jump to where this alternative ends. */
function test({ argument, any, all, oneOf, noneOf }: Condition): (Instruction | "escape")[] {
  const at = load(offset.argument(argument));
  if (any !== undefined) return [at, anyBit(any, 1, 0), "escape"];
  if (all !== undefined) return [at, mask(all), equal(all, 1, 0), "escape"];
  if (oneOf) return [at, ...oneOf.map((value, index) => equal(value, oneOf.length - index, 0)), "escape"];
  return [at, ...(noneOf ?? []).flatMap((value) => [equal(value, 0, 1), "escape" as const])];
}

/** Ends in a verdict: fails when every condition of one of the alternatives holds. */
function block(number: number, alternatives: readonly (readonly Condition[])[], errno: number): Instruction[] {
  const body = alternatives.flatMap((conditions) => {
    const lines = [...conditions.flatMap(test), fail(errno)];
    return lines.map((line, index): Instruction => (line === "escape" ? [0x05, 0, 0, lines.length - 1 - index] : line));
  });
  return [equal(number, 0, body.length + 1), ...body, allow];
}

const NEW_NAMESPACES = 0x7e020000;
const SET_ID_BITS = 0o6000;
const CREATES = 0x40 | 0x400000;
const SHARED_ANONYMOUS = 0x21;
const [UNIX, INET, INET6, NETLINK] = [1, 2, 10, 16];
const [TIOCSTI, TIOCLINUX] = [0x5412, 0x541c];
/** Of the type of a pair: a datagram's end may be connected once more, a stream's may not. */
const DATAGRAM = 0x2;
const always: readonly Condition[] = [];
const mode = (argument: number): Condition => ({ argument, any: SET_ID_BITS });

/** Fails when every condition of one of the lists holds. */
const rulesOf = (
  isConnecting: boolean,
): Readonly<Record<keyof typeof judged, { readonly when: readonly (readonly Condition[])[]; readonly errno: number }>> => ({
  clone: { when: [[{ argument: 0, any: NEW_NAMESPACES }]], errno: EPERM },
  // their arguments lie in memory, where a filter cannot look: as if the kernel did not have them, so that callers turn to what can be judged
  clone3: { when: [always], errno: ENOSYS },
  openat2: { when: [always], errno: ENOSYS },
  fchmodat2: { when: [always], errno: ENOSYS },
  // AF_VSOCK and others know no network namespace; of netlink only what lists interfaces is left. A unix socket reaches whatever listens in a
  // folder that may be read: which, no filter can see
  socket: {
    when: [
      [{ argument: 0, noneOf: [...(isConnecting ? [UNIX] : []), INET, INET6, NETLINK] }],
      [
        { argument: 0, oneOf: [NETLINK] },
        { argument: 2, noneOf: [0] },
      ],
    ],
    errno: EAFNOSUPPORT,
  },
  socketpair: { when: [[{ argument: 0, noneOf: [UNIX] }], [{ argument: 1, any: DATAGRAM }]], errno: EAFNOSUPPORT },
  // words put into a terminal as if they had been typed
  ioctl: { when: [[{ argument: 1, oneOf: [TIOCSTI, TIOCLINUX] }]], errno: EPERM },
  // asking which it is may go on
  personality: { when: [[{ argument: 0, noneOf: [0xffffffff] }]], errno: EPERM },
  // memory that outlives its mapping and that no limit counts
  mmap: { when: [[{ argument: 3, all: SHARED_ANONYMOUS }]], errno: EPERM },
  // a gateway that runs as root would own what is written here, and whoever started it would be root
  chmod: { when: [[mode(1)]], errno: EPERM },
  fchmod: { when: [[mode(1)]], errno: EPERM },
  fchmodat: { when: [[mode(2)]], errno: EPERM },
  mknod: { when: [[mode(1)]], errno: EPERM },
  mknodat: { when: [[mode(2)]], errno: EPERM },
  creat: { when: [[mode(1)]], errno: EPERM },
  open: { when: [[{ argument: 1, any: CREATES }, mode(2)]], errno: EPERM },
  openat: { when: [[{ argument: 2, any: CREATES }, mode(3)]], errno: EPERM },
});

const numberOf = (numbers: Numbers, machine: Machine) => numbers[machine === "x64" ? 0 : 1];

function program(machine: Machine, isConnecting: boolean): readonly Instruction[] {
  const rules = rulesOf(isConnecting);
  const lines: Instruction[] = [
    load(offset.machine),
    // of another processor: such calls have numbers of their own
    equal(audit[machine], 1, 0),
    fail(EPERM),
    load(offset.number),
  ];
  if (machine === "x64") lines.push(atLeast(X32, 0, 1), fail(EPERM));
  lines.push(atLeast(newest + 1, 0, 1), fail(ENOSYS));
  for (const numbers of Object.values(refused)) {
    const number = numberOf(numbers, machine);
    if (number !== undefined) lines.push(equal(number, 0, 1), fail(EPERM));
  }
  for (const [name, numbers] of Object.entries(judged) as [keyof typeof judged, Numbers][]) {
    const number = numberOf(numbers, machine);
    const { when, errno } = rules[name];
    if (number !== undefined) lines.push(...block(number, when, errno));
  }
  lines.push(allow);
  return lines;
}

/** `struct sock_filter[]`, for `bwrap --seccomp`. `isConnecting`: it may connect to unix sockets. */
export function filterOf(machine: Machine, isConnecting: boolean): Uint8Array<ArrayBuffer> {
  const lines = program(machine, isConnecting);
  const view = new DataView(new ArrayBuffer(lines.length * 8));
  for (const [index, [code, ifTrue, ifFalse, value]] of lines.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, value >>> 0, true);
  }
  return new Uint8Array(view.buffer);
}
