/** Damage: to a frame's tree, to its text, and to its bytes. */
import type { Random } from "./random.ts";
import { hostileKey, hostileText } from "./values.ts";

/** Stands where raw text goes that `JSON.stringify` would never write. */
interface Raw {
  readonly raw: string;
}
const isRaw = (value: unknown): value is Raw => value instanceof RawText;
class RawText implements Raw {
  constructor(readonly raw: string) {}
}

type Tree = null | boolean | number | string | Raw | Tree[] | Map<string, Tree> | Pair[];
/** An object may hold the same key twice. */
class Pair {
  constructor(
    readonly key: string,
    public value: Tree,
  ) {}
}

function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(treeOf);
  if (typeof value === "object" && value !== null) return Object.entries(value).map(([key, child]) => new Pair(key, treeOf(child)));
  return value as Tree;
}

const isPairs = (tree: Tree): tree is Pair[] => Array.isArray(tree) && tree[0] instanceof Pair;

function textOf(tree: Tree): string {
  if (isRaw(tree)) return tree.raw;
  if (isPairs(tree)) return `{${tree.map(({ key, value }) => `${JSON.stringify(key)}:${textOf(value)}`).join(",")}}`;
  if (Array.isArray(tree)) return `[${(tree as Tree[]).map(textOf).join(",")}]`;
  return JSON.stringify(tree) ?? "null";
}

interface Place {
  readonly tree: Tree;
  readonly replace: (by: Tree) => void;
}

/** Every place of a tree that can be replaced. */
function places(tree: Tree, replace: Place["replace"], found: Place[] = []): readonly Place[] {
  found.push({ tree, replace });
  if (isPairs(tree)) {
    for (const pair of tree) {
      const into = (by: Tree) => {
        pair.value = by;
      };
      places(pair.value, into, found);
    }
  } else if (Array.isArray(tree)) {
    const all = tree as Tree[];
    for (const [at, child] of all.entries()) {
      const into = (by: Tree) => {
        all[at] = by;
      };
      places(child, into, found);
    }
  }
  return found;
}

function damage(root: { tree: Tree }, random: Random): void {
  const all = places(root.tree, (by) => {
    root.tree = by;
  });
  const { tree, replace } = random.pick(all);
  const raw = () => new RawText(hostileText(random));
  const kind = random.below(8);
  if (kind < 3) replace(raw());
  else if (kind === 3 && isPairs(tree)) tree.push(new Pair(hostileKey(random), raw()));
  // The same key twice.
  else if (kind === 4 && isPairs(tree)) tree.push(new Pair(random.pick(tree).key, raw()));
  else if (kind === 5 && Array.isArray(tree) && tree.length > 0) tree.splice(random.below(tree.length), 1);
  else if (kind === 6) replace([tree]);
  else if (kind === 7 && Array.isArray(tree) && !isPairs(tree)) for (let n = random.below(50); n > 0; n--) (tree as Tree[]).push(raw());
  else replace(raw());
}

/** A sound request, or one that is wrong in one or several ways. */
export function mutated(sound: Readonly<Record<string, unknown>>, random: Random): string {
  const root = { tree: treeOf(sound) };
  for (let n = random.below(3) + 1; n > 0; n--) damage(root, random);
  return textOf(root.tree);
}

/** Text that was cut, doubled, or had characters put in. */
export function mangled(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(at);
    case 2:
      return text.slice(0, at) + random.pick(["\ufeff", "\u0000", "\ud800", "//", "/*", '"', "\\", "}", "]", ","]) + text.slice(at);
    case 3:
      return text + random.pick([text, " ", "\n\n", "{}", ",", "\u0000"]);
    case 4:
      return `${" ".repeat(random.below(5_000))}${text}`;
    default:
      return text.slice(0, at) + text.slice(Math.min(text.length, at + random.below(20)));
  }
}

/** Bytes that are no UTF-8, or another text than they were. */
export function flipped(text: string, random: Random): Buffer {
  const bytes = Buffer.from(text);
  for (let n = random.below(8) + 1; n > 0 && bytes.length > 0; n--) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}
