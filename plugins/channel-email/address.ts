/** Addresses. Who wrote a mail is read here and nowhere else, and only where it can be read in one way. */
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { addressParser, decodeWords } from "postal-mime";

/** RFC 5321, 4.5.3.1. */
const LONGEST = 254;
/** Far above what a client writes. */
const LONGEST_HEADER = 2_000;
const LONGEST_NAME = 80;

/** ASCII only: a letter that looks like another is nobody's address here. Without quoted names, so that a comma parts two addresses. */
const ADDRESS = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;

/** Whether that is an address in small letters. */
export const isAddress = (text: string): boolean => text.length <= LONGEST && ADDRESS.test(text);

/** In small letters, or undefined where it is none of those that are spoken to. */
export function normalAddress(text: string): string | undefined {
  // Beyond ASCII some letters become ASCII when they are made small.
  const small = /^[\x21-\x7e]+$/.test(text) ? text.toLowerCase() : "";
  return isAddress(small) ? small : undefined;
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf("@") + 1);

export interface Mailbox {
  readonly address: string;
  /** As a reader sees it; absent where it would pose as another address. */
  readonly name?: string;
}

/** A name of quoted and plain words, with remarks in brackets that hold nothing of an address; then one address in angles. */
const NAMED = /^((?:"(?:[^"\\]|\\.)*"|\([^()<>@"\\]*\)|[^"<>()[\]:;@\\,])*)<\s*([^<>\s"(),:;\\[\]]+)\s*>$/;
const BARE = /^[^<>\s"(),:;\\[\]]+$/;
/** Clients that write the address in place of a name. */
const TWICE = /^(\S+)\s*<(\S+)>$/;

function nameOf(phrase: string): string | undefined {
  const words = decodeWords(phrase.replace(/\\(.)/g, "$1").replaceAll('"', ""));
  const name = visibleText(words).replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME).toWellFormed();
  return name === "" || name.includes("@") || name.includes("＠") ? undefined : name;
}

/**
 * The one who wrote it, of all `From` fields as they stand. Undefined where there is more than one field or address, a group, or anything that two
 * programs could read in two ways: what another program has authenticated may then be somebody else.
 */
export function writerOf(fields: readonly string[]): Mailbox | undefined {
  const [field, ...more] = fields;
  if (field === undefined || more.length > 0 || field.length > LONGEST_HEADER) return undefined;
  const value = field.trim();
  const [, twice, inAngles] = TWICE.exec(value) ?? [];
  if (twice !== undefined && twice === inAngles) return mailbox(twice, "");
  if (BARE.test(value)) return mailbox(value, "");
  const [, phrase = "", address] = NAMED.exec(value) ?? [];
  return address === undefined ? undefined : mailbox(address, phrase);
}

function mailbox(text: string, phrase: string): Mailbox | undefined {
  const address = normalAddress(text);
  if (address === undefined) return undefined;
  const name = nameOf(phrase);
  return name === undefined ? { address } : { address, name };
}

/** Everybody whom fields such as `To` name, each once. */
export function addressesIn(fields: readonly string[]): readonly string[] {
  const found = fields.flatMap((field) => addressParser(field, { flatten: true }));
  return [...new Set(found.flatMap(({ address }) => normalAddress(address ?? "") ?? []))];
}
