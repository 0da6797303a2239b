/** Writes into the configuration where somebody signs in, when the provider knows it and nobody has said otherwise. */
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { signInPlace } from "./methods.ts";
import { endpointOf } from "./order.ts";

/** The endpoint whose setting was written; `undefined` when nothing had to be, or could be. */
export async function setPlace(profile: string, call: <R>(method: string, params: unknown) => Promise<R>): Promise<string | undefined> {
  const { suggested } = await call<ResultOf<typeof signInPlace>>("failover.signIn.place", { name: profile });
  if (suggested === undefined) return undefined;
  const endpoint = endpointOf(profile);
  const { exists, hash } = await call<{ readonly exists: boolean; readonly hash: string }>("config.get", {});
  const raw = JSON.stringify({ failover: { oauth: { [endpoint]: suggested } } });
  await call("config.patch", { raw, ...(exists ? { baseHash: hash } : {}) });
  return endpoint;
}
