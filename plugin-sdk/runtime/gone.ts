/** A call whose other side went away in the middle: what it may have done, and whether it may be made again. */
import { hasCode, isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";

/**
 * That a process went away in the middle: what may be repeated is asked again, of the one that takes its place. Whether it is the process that was
 * called, its own end says (`Peer.isEnd`): a plugin may throw the same, of another that it called itself.
 */
export const isGone = (error: unknown) => hasCode(error, "PLUGIN_GONE") || hasCode(error, "PLUGIN_STALLED");

/** What may not be repeated had begun over there: whoever asked must not take it for undone. */
export function cut(error: unknown, what: string): unknown {
  if (!isGatewayError(error)) return error;
  const make = error.code === "PLUGIN_STALLED" ? pluginErrors.PLUGIN_STALLED : pluginErrors.PLUGIN_GONE;
  return make(`${error.message}; whether ${what} took effect is not known`, { cause: error, data: error.data });
}
