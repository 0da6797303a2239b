/** How AWS's library sends its requests here: with the plugin's own `fetch`, which knows what the plugin may reach. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { type Bounds, type Fetch, type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";

/** A request as the library gives it out. */
interface Outgoing {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What goes along with a request from `client.send` to here. */
export interface Sending {
  readonly abortSignal: AbortSignal;
  /** Absent for the library's own requests, such as those for credentials. */
  readonly watch?: Watch;
}

export interface HandlerOptions {
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** Of a request of the library's own. */
  readonly bounds: Bounds;
  /** Beside what the library sends. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told of a request of the library's own that came to nothing. */
  failed?(error: Error): void;
}

export function createHandler({ clock, fetch, bounds, headers = {}, failed }: HandlerOptions) {
  const exchange = async (send: Fetch, request: Outgoing, signal: AbortSignal) => {
    const { host: _, ...signed } = request.headers;
    const response = await send(addressOf(request), {
      method: request.method,
      headers: { ...signed, ...headers },
      ...(request.method === "GET" || request.body === undefined ? {} : { body: request.body as BodyInit }),
      signal,
    });
    const { status: statusCode, statusText: reason } = response;
    return { answer: response, head: { statusCode, reason, headers: Object.fromEntries(response.headers) } };
  };
  return {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(request: Outgoing, { watch }: Partial<Sending> = {}) {
      if (watch) {
        const { answer, head } = await exchange(watch.fetch, request, watch.signal);
        return { response: { ...head, body: answer.body } };
      }
      // Nobody reads it as it comes, so that it is over when this returns.
      using own = watchRequest({ clock, ...bounds, signal: new AbortController().signal, fetch });
      try {
        const { answer, head } = await exchange(own.fetch, request, own.signal);
        return { response: { ...head, body: new Uint8Array(await answer.arrayBuffer()) } };
      } catch (error) {
        const told = isGatewayError(error) ? error : unreached(request.hostname, error);
        failed?.(told);
        throw told;
      }
    },
    updateHttpClientConfig(): void {
      // Nothing of it can be set from outside.
    },
    httpHandlerConfigs: () => ({}),
  };
}

/** That nobody was there says nothing against a credential. */
const unreached = (host: string, cause: unknown) =>
  Object.assign(new Error(`${host} could not be asked for credentials: ${errorMessage(cause)}`, { cause }), { isUnreached: true });

/** As it was signed: AWS escapes more than a URL has to. */
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function addressOf({ protocol, hostname, port, path, query = {} }: Outgoing): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === null ? [escaped(name)] : [value].flat().map((each) => `${escaped(name)}=${escaped(each)}`),
  );
  return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`;
}
