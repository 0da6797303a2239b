/** Several answers that stream at once, as one: whichever has something next goes first. */
import type { ModelAnswer, ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import type { AnswerStream } from "./uses.ts";

type Step = IteratorResult<ModelEvent, ModelAnswer>;
export type Merged =
  | { readonly choice: number; readonly event: ModelEvent; readonly answer?: undefined }
  | { readonly choice: number; readonly answer: ModelAnswer; readonly event?: undefined };

const told = (choice: number, step: Step): Merged => (step.done === true ? { choice, answer: step.value } : { choice, event: step.value });

/** `first` is what each stream began with. A reader that leaves ends them all. */
export async function* merge(streams: readonly AnswerStream[], first: readonly Step[]): AsyncGenerator<Merged, void, void> {
  const [only] = streams;
  try {
    for (const [choice, step] of first.entries()) yield told(choice, step);
    if (streams.length === 1 && only && first[0]?.done !== true) {
      for (;;) {
        const step = await only.next();
        yield told(0, step);
        if (step.done === true) return;
      }
    }
    const ask = async (choice: number) => ({ choice, step: await streams[choice]!.next() });
    const open = new Map(streams.flatMap((_, choice) => (first[choice]?.done === true ? [] : [[choice, ask(choice)] as const])));
    while (open.size > 0) {
      const { choice, step } = await Promise.race(open.values());
      if (step.done === true) open.delete(choice);
      else open.set(choice, ask(choice));
      yield told(choice, step);
    }
  } finally {
    await Promise.all(streams.map((stream) => stream.return(undefined as never)));
  }
}
