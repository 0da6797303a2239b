/**
 * A thought signature and the part that carried it: a transcript keeps it with thinking alone, the API wants it back where it was. `text`
 * stands for a part of its own behind the text, which is how the API itself ends an answer that streams.
 */
interface Proof {
  readonly on: "thought" | "text" | "call";
  readonly signature: string;
}

export const writeProof = ({ on, signature }: Proof): string => `${on}:${signature}`;

/** `undefined` when it is none of these. */
export function readProof(text: string): Proof | undefined {
  const [, on, signature] = /^(thought|text|call):([\s\S]+)$/.exec(text) ?? [];
  return signature === undefined ? undefined : { on: on as Proof["on"], signature };
}
