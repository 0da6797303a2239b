/**
 * Images that a caller names by their address: fetched here, so that every model and agent is given them alike. The address is somebody else's
 * word, so `ctx.fetch` lets it lead to the internet alone, and to what the operator names; each redirect is looked at anew.
 */
import { hasCode } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { ApiFailure, badRequest } from "./failure.ts";
import type { ApiContext } from "./uses.ts";

export interface NamedImage {
  readonly url: string;
  /** The parameter that holds it. */
  readonly param: string;
}

export interface FetchedImage {
  readonly mimeType: string;
  /** Base64. */
  readonly data: string;
}

/** By address. */
export type FetchedImages = ReadonlyMap<string, FetchedImage>;

const atOnce = 4;
const mostRedirects = 5;
const headers = { accept: "image/png, image/jpeg, image/gif, image/webp", "accept-encoding": "identity", "user-agent": "Pincer" };

export const isAddress = (text: string): boolean => /^https?:/i.test(text);

/** Each address once. Throws an `ApiFailure` that names the parameter. */
export async function fetchImages(ctx: ApiContext, named: readonly NamedImage[], signal: AbortSignal): Promise<FetchedImages> {
  const { remoteImages, mostRemoteImages, remoteImageMs } = ctx.config;
  const [first] = named;
  if (first === undefined || !remoteImages) return new Map();
  const wanted = [...new Map(named.map((one) => [one.url, one])).values()];
  if (wanted.length > mostRemoteImages)
    throw invalid(first.param, `${wanted.length} images are named by their addresses, and at most ${mostRemoteImages} are fetched`);
  using stop = linkSignals(signal);
  using _late = ctx.clock.after(remoteImageMs, () => stop.abort(new Late()));
  const fetching = new Fetching(ctx, stop.signal);
  const fetched = new Map<string, FetchedImage>();
  const left = wanted.values();
  const work = async () => {
    for (const { url, param } of left) {
      fetched.set(url, await fetching.image(url, param).catch((error: unknown) => Promise.reject(fetching.failureOf(error, param))));
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } catch (error) {
    // One that cannot be had ends the others.
    stop.abort(error);
    throw error;
  }
  return fetched;
}

class Late extends Error {}

class Fetching {
  readonly #ctx: ApiContext;
  readonly #signal: AbortSignal;
  /** Of all images together. */
  #bytesLeft: number;

  constructor(ctx: ApiContext, signal: AbortSignal) {
    this.#ctx = ctx;
    this.#signal = signal;
    this.#bytesLeft = ctx.config.remoteImageBytes;
  }

  async image(address: string, param: string): Promise<FetchedImage> {
    let url = this.#admitted(URL.parse(address), param);
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const response = await this.#ctx.fetch(url, { headers, redirect: "manual", signal: this.#signal });
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        url = this.#admitted(URL.parse(location, url.href), param);
      } else if (response.ok) {
        return imageIn(await this.#read(response, param), param);
      } else {
        await response.body?.cancel();
        throw invalid(param, `its server answered ${response.status}`);
      }
    }
    throw invalid(param, "it leads from one address to the next without end");
  }

  /** What callers are told of somebody else's server: whether it was late, and nothing of where it stands. */
  failureOf(error: unknown, param: string): ApiFailure {
    if (error instanceof ApiFailure) return error;
    if (this.#signal.reason instanceof Late) return invalid(param, `it did not come in ${this.#ctx.config.remoteImageMs / 1000} s`);
    if (hasCode(error, "PLUGIN_PERMISSION")) return invalid(param, "it is at no public address of the internet");
    return invalid(param, "its server did not answer as one");
  }

  #admitted(url: URL | null, param: string): URL {
    if (url === null || url.username !== "" || url.password !== "") throw invalid(param, "it is no address of an image");
    const isOwn = this.#ctx.config.remoteImageHosts.some((host) => host.toLowerCase() === url.host || host.toLowerCase() === url.hostname);
    if (url.protocol !== "https:" && !(isOwn && url.protocol === "http:")) throw invalid(param, "images are fetched over https alone");
    return url;
  }

  async #read(response: Response, param: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body ?? []) {
      this.#bytesLeft -= chunk.length;
      if (this.#bytesLeft < 0) throw invalid(param, `the images have more than ${this.#ctx.config.remoteImageBytes} bytes together`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}

/** What it begins with says what it is, whatever its server calls it. */
const kinds: readonly (readonly [type: string, start: RegExp])[] = [
  ["image/png", /^89504e470d0a1a0a/],
  ["image/jpeg", /^ffd8ff/],
  ["image/gif", /^474946383[79]61/],
  ["image/webp", /^52494646.{8}57454250/],
];

function imageIn(bytes: Buffer, param: string): FetchedImage {
  const start = bytes.toString("hex", 0, 12);
  const [mimeType] = kinds.find(([, sign]) => sign.test(start)) ?? [];
  if (mimeType === undefined) throw invalid(param, "it is none of PNG, JPEG, GIF and WebP");
  return { mimeType, data: bytes.toString("base64") };
}

const invalid = (param: string, why: string): ApiFailure =>
  badRequest(
    `The image in '${param}' cannot be fetched: ${why}. Send the image itself, as 'data:<type>;base64,<data>'.`,
    param,
    "invalid_image_url",
  );
