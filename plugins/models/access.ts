/** The contract `model-access`: finds the model, asks whoever may refuse the call, streams it, and writes down what it used. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Providers } from "@pincer/plugin-sdk/contract";
import type { AccessRequest, modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { ModelAnswer, ModelEvent, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { type DocumentBlock, messageText } from "@pincer/plugin-sdk/message";
import { type Answer, createAnswer, endOf, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { requestTokens } from "@pincer/plugin-sdk/provider/estimate";
import { documentIn } from "@pincer/plugin-sdk/provider/readable";
import type { Directory } from "./directory.ts";
import { llmErrors } from "./errors.ts";
import { createMeter, type Meter, type MeterContext } from "./meter.ts";
import type { Resolved, Resolver } from "./resolve.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { UsageLedger } from "./usage.ts";

export interface AccessContext extends MeterContext {
  readonly clock: Clock;
  readonly uses: { readonly providers: Providers<typeof provider> };
}

type ModelAccess = Omit<ImplementationOf<typeof modelAccess>, "embed">;

/** A call that nobody refused. */
interface Admitted {
  readonly request: AccessRequest;
  readonly resolved: Resolved;
  readonly asked: ModelRequest;
  readonly meter: Meter;
  readonly begun: number;
}

type Stream = AsyncGenerator<ModelEvent, ModelAnswer, void>;

export function createModelAccess(
  ctx: AccessContext,
  directory: Directory,
  resolver: Resolver,
  ledger: UsageLedger,
  running: RunningCalls,
): ModelAccess {
  const { clock, log } = ctx;

  /** As behind a connection that broke: the generation that takes this one's place may well be answered. */
  const cutShort = (answer: ModelAnswer): ModelAnswer => {
    const message = "the plugin models was replaced while the answer was written, and did not wait for its end any longer";
    return { ...answer, stopReason: "error", failure: { class: "network", message } };
  };

  /** Answers where the model ended, with what it cost. */
  const settle = async (answer: ModelAnswer, { resolved: { info }, meter }: Admitted): Promise<ModelAnswer> => {
    const { usage } = answer;
    const cost = usage.cost === null ? meter.cost(usage) : undefined;
    const priced = cost === undefined ? answer : { ...answer, usage: { ...usage, cost: cost.total } };
    const told = priced.failure?.status === 404 ? await withSuggestions(priced, info.ref) : priced;
    return told.message.usage === told.usage ? told : { ...told, message: { ...told.message, usage: told.usage } };
  };

  const withSuggestions = async (answer: ModelAnswer, ref: string): Promise<ModelAnswer> => {
    const near = (await resolver.suggestions(ref)).filter((name) => name !== ref);
    if (near.length === 0 || !answer.failure) return answer;
    const message = `${answer.failure.message}; did you mean ${near.join(" or ")}?`;
    return { ...answer, failure: { ...answer.failure, message }, message: { ...answer.message, errorMessage: message } };
  };

  /** Finds the model, and asks whoever may refuse the call. */
  const admitted = async (request: AccessRequest, signal: AbortSignal): Promise<Admitted> => {
    const { agentId, sessionKey, runId, user, profile, model, within, ...rest } = request;
    const resolved = await resolver.resolve({ model, within });
    const { info } = resolved;
    const unreadable = info.documents === true ? undefined : documentIn(rest.messages);
    if (unreadable) throw llmErrors.LLM_DOCUMENT_UNREADABLE(`${info.ref} reads no documents, and ${nameOf(unreadable)} is one`);
    const asked: ModelRequest = { ...rest, model: info.ref };
    if (asked.thinking !== undefined && !info.reasoning) asked.thinking = "off";
    if (asked.maxOutputTokens !== undefined && info.maxOutputTokens !== null)
      asked.maxOutputTokens = Math.min(asked.maxOutputTokens, info.maxOutputTokens);
    const size = { inputTokens: requestTokens(asked), maxOutputTokens: asked.maxOutputTokens };
    const meter = createMeter(ctx, ledger, running, resolved, { agentId, sessionKey, runId, user, profile }, size);
    await meter.admit(signal);
    return { request, resolved, asked, meter, begun: clock.monotonic() };
  };
  const providerOf = ({ resolved }: Admitted) => ctx.uses.providers.get(resolved.endpoint.provider);

  const keptOf = ({ resolved: { info } }: Admitted): Answer =>
    createAnswer({ provider: info.endpoint, model: splitRef(info.ref).model, api: "", timestamp: clock.now() });

  /**
   * Before the first event the caller learns of it as an error; later it gets what had come, as of any stream that breaks. A process that
   * went away is neither: the next one may well answer, as behind a connection that broke.
   */
  const broken = (error: unknown, { resolved, request }: Admitted, kept: Answer, isBegun: boolean, signal: AbortSignal): ModelAnswer => {
    const isGone = hasCode(error, "PLUGIN_GONE") || hasCode(error, "PLUGIN_STALLED");
    if (!isBegun && isGatewayError(error) && !isGone) throw error;
    const { ref } = resolved.info;
    const failure = {
      class: isGone ? ("network" as const) : ("unknown" as const),
      message: `the plugin that serves ${ref} failed: ${errorMessage(error)}`,
    };
    log.error("model.provider-failed", { model: ref, runId: request.runId, error: errorMessage(error) });
    const isAborted = signal.aborted;
    return kept.finish({ stopReason: isAborted ? "aborted" : "error", usage: tokenUsage({}), ...(isAborted ? {} : { failure }) });
  };

  /** A call that nobody aborted, and that ended because this generation goes, is one that broke. */
  const ended = (came: ModelAnswer, call: Admitted, firstMs: number | undefined, caller: AbortSignal): Promise<ModelAnswer> => {
    const answer = running.isGone && !caller.aborted && came.stopReason === "aborted" ? cutShort(came) : came;
    const { stopReason, failure } = answer;
    log.debug("model.called", {
      model: call.resolved.info.ref,
      runId: call.request.runId,
      ms: Math.round(clock.monotonic() - call.begun),
      firstMs,
      stopReason,
      class: failure?.class,
      status: failure?.status,
    });
    return settle(answer, call);
  };

  return {
    async resolve(request) {
      const { info, endpoint } = await resolver.resolve(request);
      return { info, ...ownOf(endpoint) };
    },

    async endpoints() {
      const endpoints = await directory.endpoints();
      return {
        endpoints: endpoints.map(({ endpoint, label, plugin, own, detail, credentials, local, offline, defaultModel, signIn }) => ({
          ...{ endpoint, label, plugin, credentials: [...credentials], local, offline },
          ...(defaultModel === undefined ? {} : { defaultModel }),
          ...(signIn === undefined ? {} : { signIn }),
          ...(own === undefined && detail !== undefined ? { detail } : {}),
          ...ownOf({ own }),
        })),
      };
    },

    async probe(request, io) {
      const found = (await directory.endpoints()).find(({ endpoint }) => endpoint === request.endpoint);
      const { probe } = found ? ctx.uses.providers.get(found.provider) : {};
      if (!probe) return { possible: false };
      return { possible: true, ...(await probe(request, io)) };
    },

    async *stream(request, { signal: caller }) {
      using linked = running.linked(caller);
      const { signal } = linked;
      const call = await admitted(request, signal);
      const kept = keptOf(call);
      let firstMs: number | undefined;
      let answer: ModelAnswer | undefined;
      let stream: Stream | undefined;
      try {
        stream = providerOf(call).stream(call.asked, { signal });
        while (answer === undefined) {
          const next = await stream.next();
          if (next.done) answer = next.value;
          else {
            firstMs ??= Math.round(clock.monotonic() - call.begun);
            keep(kept, next.value);
            call.meter.came(Buffer.byteLength(next.value.type === "tool-call" ? next.value.name : next.value.delta));
            yield next.value;
          }
        }
      } catch (error) {
        answer = broken(error, call, kept, firstMs !== undefined, signal);
      } finally {
        call.meter.end({ usage: answer?.usage, isEnded: hasEnded(answer), worked: firstMs !== undefined || hasWorked(answer) });
        // A reader that stops reading ends the request at the provider too.
        if (answer === undefined) await stream?.return(undefined as never);
      }
      return ended(answer, call, firstMs, caller);
    },

    async answer(request, { signal: caller }) {
      using linked = running.linked(caller);
      const io = { signal: linked.signal };
      const call = await admitted(request, io.signal);
      let answer: ModelAnswer | undefined;
      try {
        const found = providerOf(call);
        answer = found.answer ? await found.answer(call.asked, io) : await endOf(found.stream({ ...call.asked, whole: true }, io));
      } catch (error) {
        answer = broken(error, call, keptOf(call), false, io.signal);
      } finally {
        call.meter.came(Buffer.byteLength(textOf(answer)));
        call.meter.end({ usage: answer?.usage, isEnded: hasEnded(answer), worked: hasWorked(answer) });
      }
      return ended(answer, call, undefined, caller);
    },
  };
}

/**
 * Whether the vendor has begun to work, where nothing of it was seen: what it refused, or never got, has cost nothing; what it was not waited
 * for any longer has.
 */
const hasWorked = (answer: ModelAnswer | undefined): boolean =>
  answer !== undefined && (answer.stopReason !== "error" || answer.failure?.class === "timeout" || textOf(answer) !== "");

const hasEnded = (answer: ModelAnswer | undefined): boolean =>
  answer !== undefined && answer.stopReason !== "error" && answer.stopReason !== "aborted";

const textOf = (answer: ModelAnswer | undefined): string => (answer ? (messageText(answer.message) ?? "") : "");

const nameOf = ({ name, mimeType }: DocumentBlock): string => (name === undefined ? `a file of ${mimeType}` : `"${name}" (${mimeType})`);

const ownOf = ({ own }: { readonly own: string | undefined }) => (own === undefined ? {} : { own });

/** Of an answer that may break, what of it could be read. */
function keep(kept: Answer, event: ModelEvent): void {
  if (event.type === "text") kept.text(`${event.index}`, event.delta);
  else if (event.type === "thinking") kept.thinking(`${event.index}`, event.delta);
}
