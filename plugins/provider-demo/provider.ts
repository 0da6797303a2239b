/** The `provider` contract without a model: answers by rules, streamed at a settable pace. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelEvent, ModelInfo, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { requestTokens, textTokens } from "@pincer/plugin-sdk/provider/estimate";
import type { DemoConfig } from "./config.ts";
import { replyTo, unfinishedText } from "./reply.ts";

interface DemoContext {
  readonly config: DemoConfig;
  readonly clock: Clock;
}

const ENDPOINT = "demo";
const MODEL: ModelInfo = {
  ref: "demo/offline",
  endpoint: ENDPOINT,
  id: "offline",
  name: "Offline demo (no model)",
  contextWindow: null,
  maxOutputTokens: null,
  reasoning: false,
  vision: false,
  tools: true,
  continues: true,
  price: { input: 0, output: 0 },
};

export function createDemoProvider(ctx: DemoContext): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  return {
    endpoints: async () => ({ endpoints: [{ endpoint: ENDPOINT, label: "Offline demo", ready: true, defaultModel: MODEL.id }] }),
    models: async ({ endpoint }) => ({ models: endpoint === undefined || endpoint === ENDPOINT ? [MODEL] : [] }),

    async *stream(request, { signal }) {
      const [endpoint = "", ...rest] = request.model.split("/");
      const answer = createAnswer({ provider: endpoint, model: rest.join("/"), api: "demo", timestamp: clock.now() });
      if (request.model !== MODEL.ref) {
        const message = `there is no model "${request.model}" here, only ${MODEL.ref}`;
        return answer.finish({ stopReason: "error", usage: tokenUsage({}), failure: { class: "bad-request", message } });
      }
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
      const { text, calls } = replyTo(request, { now: clock.now(), timeZone });
      const before = unfinishedText(request);
      const left = text.startsWith(before) ? text.slice(before.length) : text;
      let said = "";
      try {
        for (const piece of pieces(left, ctx.config.deltaChars)) {
          signal.throwIfAborted();
          if (ctx.config.deltaMs > 0) await clock.sleep(ctx.config.deltaMs, signal);
          said += piece;
          yield* answer.text("text", piece);
        }
        signal.throwIfAborted();
      } catch (error) {
        if (!signal.aborted) throw error;
        return answer.finish({ stopReason: "aborted", usage: usageOf(request, said) });
      }
      for (const { id, name, arguments: given } of calls) yield* announce(answer, id, name, given);
      const usage = usageOf(request, said + JSON.stringify(calls));
      return answer.finish({ stopReason: calls.length > 0 ? "toolUse" : "stop", usage });
    },
  };
}

function* announce(answer: Answer, id: string, name: string, given: object): Generator<ModelEvent, void, void> {
  yield* answer.toolCall(id, { id, name });
  answer.setArguments(id, JSON.stringify(given));
}

const usageOf = (request: ModelRequest, said: string) => tokenUsage({ input: requestTokens(request), output: textTokens(said), cost: 0 });

/** Cuts between words, so that every piece reads on its own, and never inside a character. */
function pieces(text: string, chars: number): readonly string[] {
  const found: string[] = [];
  for (const word of text.match(/\s*\S+\s*?(?=\s|$)|\s+$/g) ?? []) {
    const last = found.at(-1);
    if (last !== undefined && last.length + word.length <= chars) found[found.length - 1] = last + word;
    else found.push(word);
  }
  return found;
}
