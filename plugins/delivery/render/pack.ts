/** Units into parts: as few as the limit allows, and among the cuts that allow so few, the best. */
import { CUT, closing, type Flow, opening, type Unit, written } from "./flow.ts";

export interface Part {
  readonly out: string;
  readonly plain: string;
}

type SizeOf = (from: number, to: number) => number;

/** Where a run of units that want to stay together is longer than a message, it is cut: between words if that is enough. */
function loosen(units: readonly Unit[], tooLong: (from: number, to: number) => boolean): void {
  for (const least of [CUT.word, CUT.grapheme]) {
    let from = 0;
    for (let to = 1; to <= units.length; to++) {
      if (to < units.length && units[to]!.cut === CUT.never) continue;
      if (to - from > 1 && tooLong(from, to)) {
        for (let index = from + 1; index < to; index++) if (units[index]!.otherwise >= least) units[index]!.cut = units[index]!.otherwise;
      }
      from = to;
    }
  }
}

/** @param forced whether a part must end before this unit. */
export function pack({ units, meter }: Flow, forced: (unit: Unit) => boolean): Part[] {
  if (units.length === 0) return [];
  const limit = meter.limit;
  const upTo = new Float64Array(units.length + 1);
  for (const [index, { lead, bit }] of units.entries()) upTo[index + 1] = upTo[index]! + lead.size + bit.size;
  const sizeOf: SizeOf = (from, to) =>
    opening(units[from]!, units[from - 1]).size + upTo[to]! - upTo[from]! - units[from]!.lead.size + closing(units[to - 1]!.frame).size;
  const atMost = (from: number, to: number) => upTo[to]! - upTo[from]! + units[from]!.frame.overhead + units[to - 1]!.frame.overhead;
  loosen(units, (from, to) => atMost(from, to) > limit && sizeOf(from, to) > limit);

  const places = [0];
  for (let index = 1; index < units.length; index++) if (units[index]!.cut !== CUT.never || forced(units[index]!)) places.push(index);
  places.push(units.length);

  const parts: Part[] = [];
  let first = 0;
  while (first < places.length - 1) {
    let last = first + 1;
    while (last < places.length - 1 && !forced(units[places[last]!]!)) last++;
    for (const [from, to] of ranges(places.slice(first, last + 1), units, (a, b) => sizeOf(a, b) <= limit))
      parts.push(written(units, from, to));
    first = last;
  }
  return parts;
}

/** The last of the places, after `from`, up to which a range fits; the next one when none does. */
function furthest(places: readonly number[], from: number, fits: (from: number, to: number) => boolean): number {
  let low = from + 1;
  let step = 1;
  while (low + step < places.length && fits(places[from]!, places[low + step]!)) {
    low += step;
    step *= 2;
  }
  for (; step >= 1; step = Math.floor(step / 2)) {
    while (low + step < places.length && fits(places[from]!, places[low + step]!)) low += step;
  }
  return low;
}

/** The first of the places, before `to`, from which a range fits; the one before when none does. */
function earliest(places: readonly number[], to: number, fits: (from: number, to: number) => boolean): number {
  let high = to - 1;
  let step = 1;
  while (high - step >= 0 && fits(places[high - step]!, places[to]!)) {
    high -= step;
    step *= 2;
  }
  for (; step >= 1; step = Math.floor(step / 2)) {
    while (high - step >= 0 && fits(places[high - step]!, places[to]!)) high -= step;
  }
  return high;
}

function ranges(places: readonly number[], units: readonly Unit[], fits: (from: number, to: number) => boolean): [number, number][] {
  const end = places.length - 1;
  // From the end: where each part may begin at the earliest, if those behind it are full.
  const latest: number[] = [];
  for (let at = end; at > 0; at = latest.at(-1)!) latest.push(earliest(places, at, fits));
  const found: [number, number][] = [];
  let from = 0;
  for (let left = latest.length - 1; from < end; left--) {
    const far = furthest(places, from, fits);
    let best = far;
    if (far < end) {
      const least = Math.max(from + 1, Math.min(far, latest[left - 1] ?? far));
      for (let at = far; at >= least; at--) if (cutAt(units, places[at]!) > cutAt(units, places[best]!)) best = at;
    }
    found.push([places[from]!, places[best]!]);
    from = best;
  }
  return found;
}

const cutAt = (units: readonly Unit[], index: number) => units[index]?.cut ?? CUT.section;
