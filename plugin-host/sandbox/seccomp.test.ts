import { expect, test } from "bun:test";
import { constants } from "node:os";
import { filterOf, type Machine } from "./seccomp.ts";
import { judged, newest, refused } from "./syscalls.ts";

const audit = { x64: 0xc000003e, arm64: 0xc00000b7 };
const machines: readonly Machine[] = ["x64", "arm64"];

/** Runs a filter as the kernel would, and says what comes of one system call. */
function verdict(
  machine: Machine,
  number: number,
  args: readonly number[] = [],
  calledAs: number = audit[machine],
  isConnecting = false,
): string {
  const filter = filterOf(machine, isConnecting);
  const code = new DataView(filter.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, number, true);
  data.setUint32(4, calledAs, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, BigInt(value), true);
  let accumulator = 0;
  for (let at = 0, steps = 0; steps < 4_096; steps++, at++) {
    const [operation, ifTrue, ifFalse, value] = [
      code.getUint16(at * 8, true),
      code.getUint8(at * 8 + 2),
      code.getUint8(at * 8 + 3),
      code.getUint32(at * 8 + 4, true),
    ];
    const jump = (holds: boolean) => {
      at += holds ? ifTrue : ifFalse;
    };
    if (operation === 0x20) accumulator = data.getUint32(value, true);
    else if (operation === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (operation === 0x05) at += value;
    else if (operation === 0x15) jump(accumulator === value);
    else if (operation === 0x35) jump(accumulator >= value);
    else if (operation === 0x45) jump((accumulator & value) !== 0);
    else if (operation === 0x06) return value === 0x7fff0000 ? "allowed" : (errnos.get(value & 0xffff) ?? `errno ${value & 0xffff}`);
    else throw new Error(`no such operation: ${operation}`);
  }
  throw new Error("the filter did not end");
}
const errnos = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

test.each(machines)("on %s, what no plugin needs is refused, and what every program needs is not", (machine) => {
  const index = machine === "x64" ? 0 : 1;
  for (const [name, numbers] of Object.entries(refused)) {
    if (numbers[index] !== undefined) expect(`${name}: ${verdict(machine, numbers[index])}`).toBe(`${name}: EPERM`);
  }
  const numbers = [...Object.values(refused), ...Object.values(judged)].flatMap((each) => each[index] ?? []);
  expect(new Set(numbers).size).toBe(numbers.length);
  const ordinary = { read: [0, 63], write: [1, 64], execve: [59, 221], futex: [202, 98], exit_group: [231, 94], epoll_pwait2: [441, 441] };
  for (const [name, each] of Object.entries(ordinary)) expect(`${name}: ${verdict(machine, each[index]!)}`).toBe(`${name}: allowed`);
});

const S_ISUID = 0o4755;
const O_CREAT = 0x40;
const cases: readonly [name: keyof typeof judged, args: readonly number[], expected: string][] = [
  ["clone", [0x3d0f00], "allowed"],
  ["clone", [0x10000000 | 17], "EPERM"],
  ["clone", [0x40000000 | 17], "EPERM"],
  ["clone3", [], "ENOSYS"],
  ["openat2", [], "ENOSYS"],
  ["fchmodat2", [], "ENOSYS"],
  ["socket", [1, 1, 0], "EAFNOSUPPORT"],
  ["socket", [1, 2, 0], "EAFNOSUPPORT"],
  ["socket", [2, 1, 6], "allowed"],
  ["socket", [10, 2, 17], "allowed"],
  ["socket", [16, 3, 0], "allowed"],
  ["socket", [16, 3, 12], "EAFNOSUPPORT"],
  ["socket", [17, 3, 0], "EAFNOSUPPORT"],
  ["socket", [38, 5, 0], "EAFNOSUPPORT"],
  ["socket", [40, 1, 0], "EAFNOSUPPORT"],
  ["socketpair", [1, 1, 0], "allowed"],
  ["socketpair", [1, 5, 0], "allowed"],
  ["socketpair", [1, 0o2000001, 0], "allowed"],
  // an end of these can be connected to another
  ["socketpair", [1, 2, 0], "EAFNOSUPPORT"],
  ["socketpair", [1, 3, 0], "EAFNOSUPPORT"],
  ["socketpair", [1, 0o2004002, 0], "EAFNOSUPPORT"],
  ["socketpair", [30, 1, 0], "EAFNOSUPPORT"],
  ["ioctl", [0, 0x5401], "allowed"],
  ["ioctl", [0, 0x5412], "EPERM"],
  ["ioctl", [0, 0x541c], "EPERM"],
  // the kernel looks at the lower half alone
  ["ioctl", [0, 0x1_0000_5412], "EPERM"],
  ["personality", [0xffffffff], "allowed"],
  ["personality", [0x0040000], "EPERM"],
  ["mmap", [0, 4096, 3, 0x22], "allowed"],
  ["mmap", [0, 4096, 3, 0x01], "allowed"],
  ["mmap", [0, 4096, 3, 0x21], "EPERM"],
  ["fchmod", [3, 0o755], "allowed"],
  ["fchmod", [3, S_ISUID], "EPERM"],
  ["fchmodat", [3, 0, 0o2755], "EPERM"],
  ["mknodat", [3, 0, S_ISUID], "EPERM"],
  ["openat", [3, 0, O_CREAT, 0o644], "allowed"],
  ["openat", [3, 0, O_CREAT, S_ISUID], "EPERM"],
  ["openat", [3, 0, 0x410000, S_ISUID], "EPERM"],
  // without O_CREAT the mode is whatever stood in the register
  ["openat", [3, 0, 0, S_ISUID], "allowed"],
  ["chmod", [0, S_ISUID], "EPERM"],
  ["open", [0, O_CREAT, S_ISUID], "EPERM"],
  ["creat", [0, S_ISUID], "EPERM"],
  ["mknod", [0, S_ISUID], "EPERM"],
];
test.each(machines)("on %s, others are judged by their arguments", (machine) => {
  for (const [name, args, expected] of cases) {
    const number = judged[name][machine === "x64" ? 0 : 1];
    if (number === undefined) continue;
    const called = `${name}(${args.join(", ")})`;
    expect(`${called}: ${verdict(machine, number, args)}`).toBe(`${called}: ${expected}`);
  }
});

test.each(machines)("on %s, one that names sockets may make one", (machine) => {
  const { socket, socketpair } = judged;
  const index = machine === "x64" ? 0 : 1;
  expect(verdict(machine, socket[index], [1, 1, 0], audit[machine], true)).toBe("allowed");
  expect(verdict(machine, socket[index], [40, 1, 0], audit[machine], true)).toBe("EAFNOSUPPORT");
  expect(verdict(machine, socketpair[index], [1, 2, 0], audit[machine], true)).toBe("EAFNOSUPPORT");
});

test.each(machines)("on %s, calls by another processor's numbers and those that nobody has looked at are refused", (machine) => {
  const other = machine === "x64" ? 0x40000003 : 0x40000028;
  expect(verdict(machine, 0, [], other)).toBe("EPERM");
  expect(verdict(machine, newest)).toBe("allowed");
  expect(verdict(machine, newest + 1)).toBe("ENOSYS");
});

test("numbers of the x32 personality do not get past those of x86_64", () => {
  expect(verdict("x64", 0x40000000)).toBe("EPERM");
  expect(verdict("x64", 0x40000000 | refused["ptrace"]![0]!)).toBe("EPERM");
});
