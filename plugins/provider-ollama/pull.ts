/** A model is fetched onto its server, which tells how far that is. */
import type { Pulled, PullProgress, PullRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { endedFailure } from "@pincer/plugin-sdk/provider/failure";
import { post } from "@pincer/plugin-sdk/provider/post";
import { reaching } from "@pincer/plugin-sdk/provider/reach";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OllamaConfig } from "./config.ts";
import { type Access, accessTo } from "./endpoints.ts";
import { type FaultLine, lineFailure, ollamaFailure } from "./failure.ts";
import { jsonLines } from "./lines.ts";

interface PullLine extends FaultLine {
  readonly status?: unknown;
  readonly digest?: unknown;
  readonly total?: unknown;
  readonly completed?: unknown;
}

const countIn = (value: unknown): number => (Number.isFinite(value) ? Math.max(0, Math.round(value as number)) : 0);

/** Models have some ten. */
const MOST_PARTS = 1000;

/** A model comes in parts, which are told of one by one; people want to know of the whole. */
class Parts {
  readonly #known = new Map<string, { readonly total: number; readonly completed: number }>();

  read({ status, digest, total, completed }: PullLine): PullProgress {
    if (typeof digest === "string" && countIn(total) > 0 && (this.#known.size < MOST_PARTS || this.#known.has(digest)))
      this.#known.set(digest, { total: countIn(total), completed: Math.min(countIn(completed), countIn(total)) });
    const parts = [...this.#known.values()];
    const sum = (of: (part: { readonly total: number; readonly completed: number }) => number) =>
      parts.reduce((all, part) => all + of(part), 0);
    return {
      status: typeof status === "string" ? status.slice(0, 200) : "",
      completedBytes: sum((part) => part.completed),
      totalBytes: parts.length === 0 ? null : sum((part) => part.total),
    };
  }
}

export function createPull(ctx: ProviderContext<OllamaConfig>, changed: (access: Access) => void) {
  const reach = reaching(ctx, accessTo);
  return async function* (request: PullRequest, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<PullProgress, Pulled, void> {
    const { endpoint, model } = splitRef(request.model);
    const { access, refused } = await reach(endpoint);
    if (!access) return { failure: refused };
    const { baseUrl } = access;
    const { clock, fetch } = ctx;
    // As long as something comes it may take its time: models are large, and lines slow.
    using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
    const parts = new Parts();
    try {
      const response = await post(watch, access, "/api/pull", { model, stream: true });
      for await (const lines of jsonLines<PullLine>(response, watch.seen)) {
        for (const line of lines) {
          if (line.error !== undefined) return { failure: lineFailure(line as FaultLine) };
          yield parts.read(line);
          if (line.status !== "success") continue;
          changed(access);
          return {};
        }
      }
      signal.throwIfAborted();
      return {
        failure: {
          class: "network",
          message: `${baseUrl} stopped telling of ${model} before it was there; the next pull goes on from here`,
        },
      };
    } catch (error) {
      signal.throwIfAborted();
      const { ended } = watch;
      if (ended !== undefined && ended !== "aborted") return { failure: endedFailure(ended, baseUrl, request.model) };
      return { failure: ollamaFailure(error, baseUrl, request.model, clock.now()) };
    }
  };
}
