/** A server of OpenAI's transcription API on loopback, written from its reference: what it takes, refuses, and says then. */

const formats = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
const mostBytes = 26_214_400;

export interface Heard {
  readonly fileName: string;
  readonly mimeType: string;
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<string, string>>;
  readonly authorization: string | null;
}

export interface TranscriptionServer extends AsyncDisposable {
  readonly baseUrl: string;
  readonly heard: readonly Heard[];
  /** What the next requests are answered, in place of the text. */
  answer(...answers: readonly (() => Response | Promise<Response>)[]): void;
}

export const refusal = (status: number, message: string, code: string | null = null) =>
  Response.json({ error: { message, type: "invalid_request_error", param: null, code } }, { status });

export function serveTranscriptions(options: { readonly key?: string; readonly text?: string } = {}): TranscriptionServer {
  const heard: Heard[] = [];
  const scripted: (() => Response | Promise<Response>)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    maxRequestBodySize: 64_000_000,
    async fetch(request) {
      if (new URL(request.url).pathname !== "/v1/audio/transcriptions" || request.method !== "POST") return refusal(404, "no such path");
      const authorization = request.headers.get("authorization");
      if (options.key !== undefined && authorization !== `Bearer ${options.key}`)
        return refusal(401, `Incorrect API key provided: ${authorization}.`, "invalid_api_key");
      const form = await request.formData();
      const file = form.get("file");
      if (!(file instanceof File)) return refusal(400, "you must provide a file");
      const fields = Object.fromEntries([...form].filter((entry): entry is [string, string] => typeof entry[1] === "string"));
      if (!fields["model"]) return refusal(400, "you must provide a model parameter");
      heard.push({ fileName: file.name, mimeType: file.type, bytes: new Uint8Array(await file.arrayBuffer()), fields, authorization });
      const answer = scripted.shift();
      if (answer) return answer();
      if (file.size > mostBytes) return refusal(413, `Maximum content size limit (${mostBytes}) exceeded`);
      if (!formats.includes(file.name.split(".").pop() ?? "")) return refusal(400, `Invalid file format. Supported formats: ${formats}`);
      return Response.json({ text: options.text ?? "hello there", usage: { type: "duration", seconds: 2 } });
    },
  });
  return {
    baseUrl: `http://127.0.0.1:${server.port}/v1`,
    heard,
    answer: (...answers) => void scripted.push(...answers),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
