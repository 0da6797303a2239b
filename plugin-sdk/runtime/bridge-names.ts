/** Names of a confined plugin: each that it may reach gets an address of the namespace's own loopback, by which the bridge knows it again. */

import { covers } from "../addresses.ts";

/** 127.64.0.0/10, but for its first address. */
const FIRST = 0x7f400001;
const COUNT = 0x3ffffe;

const dotted = (bits: number) => [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255];

export class NameTable {
  readonly #rules: readonly string[];
  readonly #isOpen: boolean;
  readonly #size: number;
  readonly #byName = new Map<string, number>();
  readonly #byAddress = new Map<number, string>();
  #next = 0;

  /** @param rules `host:port`, `*.host:port`, `part.*.host:port` or `public`. @param size after so many names the oldest lose their address. */
  constructor(rules: readonly string[], size = COUNT) {
    this.#rules = rules.filter((rule) => rule !== "public").map((rule) => rule.slice(0, rule.lastIndexOf(":")).toLowerCase());
    this.#isOpen = rules.includes("public");
    this.#size = size;
  }

  /** The four bytes of its address; undefined for a name that is not declared, which the gateway would refuse. */
  addressOf(name: string): readonly number[] | undefined {
    if (!this.#isOpen && !this.#rules.some((host) => covers(host, name))) return undefined;
    let index = this.#byName.get(name);
    if (index === undefined) {
      index = this.#next;
      this.#next = (index + 1) % this.#size;
      const former = this.#byAddress.get(index);
      if (former !== undefined) this.#byName.delete(former);
      this.#byName.set(name, index);
      this.#byAddress.set(index, name);
    }
    return dotted(FIRST + index);
  }

  /** What to ask the gateway for when something connects to this address: the name behind it, or the address itself. */
  hostOf(address: string): string {
    const v4 = address.replace(/^::ffff:/i, "");
    if (v4.includes(":")) return `[${v4}]`;
    const bits = v4.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return this.#byAddress.get(bits - FIRST) ?? v4;
  }
}

const A = 1;
const [NO_ERROR, FORMAT_ERROR, NO_NAME] = [0, 1, 3];

/** The answer to one question about one name; undefined for what is no question. Everything but IPv4 addresses is answered with nothing. */
export function answerOf(query: Buffer, names: NameTable): Buffer | undefined {
  if (query.length < 12 || (query[2]! & 0x80) !== 0) return undefined;
  const labels: string[] = [];
  let at = 12;
  while (at < query.length && query[at] !== 0) {
    const length = query[at]!;
    if (length > 63) break;
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  const end = at + 5;
  const isWhole = query[at] === 0 && end <= query.length && query.readUInt16BE(4) === 1;
  const question = isWhole ? query.subarray(12, end) : Buffer.alloc(0);
  const address = isWhole ? names.addressOf(labels.join(".").toLowerCase()) : undefined;
  const code = isWhole ? (address ? NO_ERROR : NO_NAME) : FORMAT_ERROR;
  const isAnswered = address !== undefined && query.readUInt16BE(at + 1) === A;
  const head = Buffer.from([
    query[0]!,
    query[1]!,
    0x80 | (query[2]! & 0x79),
    0x80 | code,
    0,
    isWhole ? 1 : 0,
    0,
    isAnswered ? 1 : 0,
    0,
    0,
    0,
    0,
  ]);
  // The name of the question, an IPv4 address, for a minute.
  const record = isAnswered ? Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, ...address]) : Buffer.alloc(0);
  return Buffer.concat([head, question, record]);
}
