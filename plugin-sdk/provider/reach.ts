/** Whom a request goes to, or why it goes to nobody; and requests that are over with their answer. */
import type { Credential, ModelFailure, Probed } from "../contracts/provider.ts";
import { howToSet, type ProviderContext } from "./endpoint.ts";
import { endedFailure } from "./failure.ts";
import { type Bounds, type Watch, watchRequest } from "./watch.ts";

export type Reached<Access> =
  | { readonly access: Access; readonly refused?: undefined }
  | { readonly access?: undefined; readonly refused: ModelFailure };

/** What a request to an endpoint is made with, as far as it is looked at here. */
interface Reachable {
  /** The name of the secret that is missing. */
  readonly missing?: string | undefined;
}

/** What an access is that lacks nothing. */
type Whole<Access> = Exclude<Access, { readonly missing: string }>;

export type Reach<Access> = (endpoint: string, credential?: Credential) => Promise<Reached<Access>>;

/** `accessTo` gives `undefined` when there is no such endpoint; `lackOf` says in words for people what an access lacks. */
export const reaching =
  <Context, Access extends Reachable>(
    ctx: Context,
    accessTo: (ctx: Context, endpoint: string, credential?: Credential) => Promise<Access | undefined>,
    lackOf: (access: Access, endpoint: string) => string | undefined = lackOfKey,
  ): Reach<Whole<Access>> =>
  async (endpoint, credential) => {
    const access = await accessTo(ctx, endpoint, credential);
    if (!access) return { refused: { class: "bad-request", message: `there is no endpoint "${endpoint}" here` } };
    const lack = lackOf(access, endpoint);
    return lack === undefined ? { access: access as Whole<Access> } : { refused: { class: "auth", message: lack } };
  };

const lackOfKey = ({ missing }: Reachable, endpoint: string): string | undefined =>
  missing === undefined ? undefined : `no key for ${endpoint}: ${howToSet(missing)}`;

export interface AttemptOptions {
  readonly bounds: Bounds;
  readonly signal: AbortSignal;
  /** Told to people: the server's address, and what is asked of it. */
  readonly where: string;
  readonly what: string;
  failureOf(error: unknown): ModelFailure;
}

/** Whatever went wrong is an outcome; it rejects when the caller aborts, and then alone. */
export async function attempt<T extends object>(
  { clock, fetch }: Pick<ProviderContext<unknown>, "clock" | "fetch">,
  { bounds, signal, where, what, failureOf }: AttemptOptions,
  run: (watch: Watch) => Promise<T>,
): Promise<T | { readonly failure: ModelFailure }> {
  using watch = watchRequest({ ...bounds, clock, signal, fetch });
  try {
    signal.throwIfAborted();
    return await run(watch);
  } catch (error) {
    signal.throwIfAborted();
    const { ended } = watch;
    return { failure: ended === undefined || ended === "aborted" ? failureOf(error) : endedFailure(ended, where, what) };
  }
}

/** A probe is an attempt that comes to nothing but its failure. `ask` gives an answer that nobody reads. */
export const probed = (
  ctx: Pick<ProviderContext<unknown>, "clock" | "fetch">,
  options: AttemptOptions,
  ask: (watch: Watch) => Promise<Response>,
): Promise<Probed> =>
  attempt(ctx, options, async (watch): Promise<Probed> => {
    const response = await ask(watch);
    response.body?.cancel().catch(() => {}); // silent-ok: that it came is all that was asked
    return {};
  });
