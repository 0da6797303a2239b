/** Runs one piece of work after the other: what reads, decides and writes must not meet itself half way. */
export type Queue = <T>(run: () => Promise<T>) => Promise<T>;

export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(run: () => Promise<T>) => {
    const next = last.then(run, run);
    last = next;
    return next;
  };
}
