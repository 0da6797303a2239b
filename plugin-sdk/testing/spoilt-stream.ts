/** Streams of a vendor that are spoilt somewhere. */

const SPOILERS: readonly unknown[] = [null, 0, -1.5, true, "", "x", [], {}, [null], { type: "x" }];

/** The events of a stream with one to three values anywhere in them replaced or left out; the same for the same seed. */
export function spoil(events: readonly string[], seed: number): readonly string[] {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const spoilt = [...events];
  for (let count = 1 + below(3); count > 0; count--) {
    const at = below(spoilt.length);
    spoilt[at] = (spoilt[at] as string).replace(/^(data: )?(\{.*\})$/m, (_line, field = "", json: string) => {
      const value: unknown = JSON.parse(json);
      let inside = value as Record<string, unknown>;
      for (let depth = below(6); depth > 0; depth--) {
        const deeper = Object.values(inside).filter((one) => typeof one === "object" && one !== null && Object.keys(one).length > 0);
        if (deeper.length > 0) inside = deeper[below(deeper.length)] as Record<string, unknown>;
      }
      const name = Object.keys(inside)[below(Object.keys(inside).length)] as string;
      if (below(3) === 0) delete inside[name];
      else inside[name] = SPOILERS[below(SPOILERS.length)];
      return `${field}${JSON.stringify(value)}`;
    });
  }
  return spoilt;
}
