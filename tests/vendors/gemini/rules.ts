/** What the Gemini API refuses of a conversation, in its own words. */

interface Part {
  readonly text?: string;
  readonly functionCall?: { readonly name: string };
  readonly functionResponse?: { readonly name: string };
  readonly thoughtSignature?: string;
}
interface Content {
  readonly role?: string;
  readonly parts?: readonly Part[];
}

const calls = ({ parts = [] }: Content) => parts.filter(({ functionCall }) => functionCall !== undefined);
const responses = ({ parts = [] }: Content) => parts.filter(({ functionResponse }) => functionResponse !== undefined);

/** `undefined`: it is taken. */
export function refusalOf(body: Readonly<Record<string, unknown>>, path: string): string | undefined {
  const contents = (body["contents"] ?? []) as readonly Content[];
  if (contents.length === 0) return "* GenerateContentRequest.contents: contents is not specified";
  const empty = contents.findIndex(({ parts = [] }) => parts.length === 0);
  if (empty >= 0) return `* GenerateContentRequest.contents[${empty}].parts: contents.parts must not be empty.`;
  const { thinkingConfig } = (body["generationConfig"] ?? {}) as { thinkingConfig?: { thinkingBudget?: number; thinkingLevel?: string } };
  if (thinkingConfig?.thinkingBudget !== undefined && thinkingConfig.thinkingLevel !== undefined)
    return "You can only set only one of thinking budget and thinking level.";
  for (const [at, content] of contents.entries()) {
    const made = calls(content).length;
    if (made === 0) continue;
    if (contents[at - 1]?.role !== "user")
      return "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
    if (responses(contents[at + 1] ?? {}).length !== made)
      return "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";
  }
  return /models\/gemini-[3-9]/.test(path) ? unprovenCall(contents) : undefined;
}

/** In the turn that is going on, the first call of each step carries the signature that came with it. */
function unprovenCall(contents: readonly Content[]): string | undefined {
  const begun = contents.findLastIndex((content) => content.role === "user" && responses(content).length === 0);
  for (const [at, content] of contents.entries()) {
    const [first] = calls(content);
    if (at > begun && first && first.thoughtSignature === undefined)
      return `Function call is missing a thought_signature in functionCall parts. Additional data, function call \`default_api:${first.functionCall?.name}\`, position ${at}.`;
  }
  return undefined;
}
