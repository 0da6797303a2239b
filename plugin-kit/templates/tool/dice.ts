import { defineTool, refusedOutcome, textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";

export interface DiceDeps {
  most(): number;
  /** From 0 up to, and without, 1. */
  random(): number;
}

export const defineDice = ({ most, random }: DiceDeps) =>
  defineTool({
    name: "my-tool_roll",
    // The model chooses the tool by this sentence.
    summary: "Roll dice and say what each shows.",
    // What the tool touches: "read" nothing that changes, "write" files or data, "exec" programs, "network" other machines.
    access: "read",
    // Checked before `run` is called, and shown to the model.
    parameters: Type.Object({
      sides: Type.Integer({ minimum: 2, maximum: 1000, description: "Of each die." }),
      count: Type.Optional(Type.Integer({ minimum: 1, description: "How many dice; one when absent." })),
    }),

    async *run({ sides, count = 1 }, _call, { signal }) {
      // What the model can correct is an answer that it reads, and no error: say what was wrong, and what would be right.
      if (count > most()) return refusedOutcome(`${count} dice are too many: at most ${most()} can be rolled at once`);
      const shown: number[] = [];
      for (let die = 1; die <= count; die++) {
        signal.throwIfAborted();
        shown.push(1 + Math.floor(random() * sides));
        // Progress is for whoever watches; the model does not see it.
        yield { text: `die ${die} of ${count} shows ${shown.at(-1)}\n` };
      }
      const sum = shown.reduce((total, die) => total + die, 0);
      return textOutcome(`${shown.join(" + ")}${count > 1 ? ` = ${sum}` : ""}`, { shown, sum });
    },
  });
