/** One recording over `POST /audio/transcriptions`. Whatever the server says instead is a failure in words. */
import type { Transcription, TranscriptionRequest } from "@pincer/plugin-sdk/contracts/transcriber";
import { failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { findKey, howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { withoutKeys } from "@pincer/plugin-sdk/provider/failure";
import { askJson } from "@pincer/plugin-sdk/provider/post";
import { attempt } from "@pincer/plugin-sdk/provider/reach";
import type { TranscriberConfig } from "./config.ts";

/** What the API takes, by what a file's name must end with: it goes by that. */
const endings: Readonly<Record<string, string>> = {
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/wav": "wav",
  "audio/ogg": "ogg",
  "audio/flac": "flac",
  "audio/webm": "webm",
};
export const mimeTypes: readonly string[] = Object.keys(endings);

const failed = (failure: string): Transcription => ({ text: "", failure });

const addressOf = ({ baseUrl }: TranscriberConfig): string => baseUrl.replace(/\/+$/, "");
const isVendors = (baseUrl: string): boolean => URL.parse(baseUrl)?.hostname === "api.openai.com";

/** What somebody else's server has under a vendor's name has no vendor's price. */
export const modelOf = (config: TranscriberConfig): string =>
  `${isVendors(addressOf(config)) ? "openai" : "transcriber-openai"}/${config.model}`;

export function createTranscribe(ctx: ProviderContext<TranscriberConfig>) {
  return async (request: TranscriptionRequest, { signal }: { readonly signal: AbortSignal }): Promise<Transcription> => {
    const { model, fileBytes, headers, idleTimeoutMs, callTimeoutMs, answerBytes } = ctx.config;
    const { data, mimeType, language } = request;
    const ending = endings[mimeType];
    if (ending === undefined) return failed(`recordings of the kind ${mimeType} are not taken`);
    if (data.length > fileBytes) return failed(`it has ${data.length} bytes, and at most ${fileBytes} are taken`);
    const baseUrl = addressOf(ctx.config);
    // A key for OpenAI is for nobody else, whatever speaks its API.
    const isVendor = isVendors(baseUrl);
    const { key, secret, isNamed } = await findKey(ctx, ctx.config.key, isVendor ? ["OPENAI_API_KEY"] : []);
    if (key === undefined && secret !== undefined && (isVendor || isNamed)) return failed(`no key for it: ${howToSet(secret)}`);

    const form = new FormData();
    form.set("file", new Blob([new Uint8Array(data)], { type: mimeType }), `recording.${ending}`);
    form.set("model", model);
    form.set("response_format", "json");
    if (language !== undefined) form.set("language", language);
    const asking = {
      bounds: { idleMs: idleTimeoutMs, longestMs: callTimeoutMs, mostBytes: answerBytes },
      signal,
      where: baseUrl,
      what: model,
      failureOf: (error: unknown) => failureOf(error, baseUrl, ctx.clock.now()),
    };
    const answer = await attempt(ctx, asking, async (watch) => ({
      said: await askJson(watch, { baseUrl, key, headers }, "/audio/transcriptions", { method: "POST", body: form }),
    }));
    if ("failure" in answer) {
      const failure = without(answer.failure.message, [key, ...Object.values(headers ?? {})]);
      return { ...failed(failure), ...(answer.failure.class === "timeout" ? { worked: true } : {}) };
    }
    const { text, usage: said } = (answer.said ?? {}) as { readonly text?: unknown; readonly usage?: unknown };
    const usage = usageIn(said);
    const counted = usage === undefined ? {} : { usage };
    if (typeof text === "string") return { text, ...counted };
    return { ...failed(`${withoutKeys(baseUrl)} answered without a text`), ...counted };
  };
}

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;

/** Newer models are counted by tokens, `whisper-1` by seconds; servers of one's own often count nothing. */
function usageIn(said: unknown): Transcription["usage"] {
  const { seconds, input_tokens: input, output_tokens: output } = (said ?? {}) as Readonly<Record<string, unknown>>;
  if (isCount(seconds)) return { seconds };
  return Number.isSafeInteger(input) && Number.isSafeInteger(output) && isCount(input) && isCount(output) ? { input, output } : undefined;
}

/** Servers repeat what they were sent, and whoever sent a recording is told what they say. */
const without = (message: string, secrets: readonly (string | undefined)[]): string =>
  secrets.reduce<string>((text, secret) => (secret ? text.replaceAll(secret, "…") : text), message);
