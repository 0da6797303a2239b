/** Recordings as text: the same way to whoever hears them as to a model for an answer, gate and ledger included. */
import type { ImplementationOf, Providers } from "@pincer/plugin-sdk/contract";
import type { Transcription, transcriber } from "@pincer/plugin-sdk/contracts/transcriber";
import type { transcriberAccess } from "@pincer/plugin-sdk/contracts/transcriber-access";
import { hasCode } from "@pincer/plugin-sdk/error";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import type { ModelsConfig } from "./config.ts";
import { type Account, type MeterContext, openCall } from "./meter.ts";
import { recordingSeconds } from "./recording-length.ts";
import type { RunningCalls } from "./running-calls.ts";
import { transcriptionCost, transcriptionPrice } from "./transcription-prices.ts";
import type { UsageLedger } from "./usage.ts";

/** As vendors count recordings that they count by tokens; what is counted by its length uses as many of a limit. */
const TOKENS_A_SECOND = 10;
/** Of the text of somebody who speaks fast. */
const TEXT_TOKENS_A_SECOND = 5;

interface TranscribeContext extends MeterContext {
  readonly config: Pick<ModelsConfig, "transcriptionPrices">;
  readonly uses: { readonly transcribers?: Providers<typeof transcriber> | undefined };
}

const tokensOf = (seconds: number): number => Math.ceil(seconds * TOKENS_A_SECOND);

export function createTranscribe(
  ctx: TranscribeContext,
  ledger: UsageLedger,
  running: RunningCalls,
): ImplementationOf<typeof transcriberAccess>["transcribe"] {
  return async ({ transcriber: name, agentId, sessionKey, runId, user, ...request }, io) => {
    using linked = running.linked(io.signal);
    const { signal } = linked;
    const hears = ctx.uses.transcribers?.get(name);
    if (hears === undefined) return { text: "", failure: "nothing is set up that hears recordings" };
    const { model } = (await hears.model?.({}, { signal })) ?? { model: `transcriber/${name}` };
    const price = transcriptionPrice(model, ctx.config.transcriptionPrices);
    const account: Account = { agentId, sessionKey, runId, user };
    const call = openCall(ctx, running, model, account);

    const seconds = recordingSeconds(request.data, request.mimeType);
    const expected = { input: tokensOf(seconds), output: Math.ceil(seconds * TEXT_TOKENS_A_SECOND) };
    const usd = transcriptionCost({ seconds }, price) ?? transcriptionCost(expected, price) ?? null;

    /** What the server did not count is taken to have used what was expected of it. */
    const count = (usage: Transcription["usage"]) => {
      const { input, output } = usage === undefined ? expected : "seconds" in usage ? { input: tokensOf(usage.seconds), output: 0 } : usage;
      const cost = usage === undefined ? usd : (transcriptionCost(usage, price) ?? null);
      const used = tokenUsage({ input, output, ...(cost === null ? {} : { cost }) });
      ledger.record({ model, ...account, usage: used, cost: undefined });
      call.tell({ ...used, cost: cost ?? usd }, usage === undefined);
    };

    try {
      const size = { inputTokens: expected.input, maxOutputTokens: expected.output, price: null };
      await call.admit({ ...size, recording: { seconds, usd } }, signal);
    } catch (error) {
      if (hasCode(error, "LLM_CALL_REFUSED")) return { text: "", failure: error.message };
      throw error;
    }
    const once = running.begin(() => count(undefined));
    let answer: Transcription | undefined;
    try {
      answer = await hears.transcribe(request, { signal });
      const { text, failure } = answer;
      return { text, ...(failure === undefined ? {} : { failure }) };
    } finally {
      // What nobody waits for any longer is worked on all the same.
      const worked = answer === undefined ? signal.aborted : answer.failure === undefined || answer.worked === true;
      once(() => {
        if (worked || answer?.usage !== undefined) count(answer?.usage);
        else call.tell(tokenUsage({ cost: 0 }), false);
      });
    }
  };
}
