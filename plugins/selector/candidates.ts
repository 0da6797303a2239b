/** What there is to know of a model before it is taken: whether it is there, local, affordable, and can do what the message needs. */
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { expectedCost, expectedOutput } from "@pincer/plugin-sdk/provider/expected-cost";
import type { Selection } from "@pincer/plugin-sdk/selection";
import type { Ceiling } from "./config.ts";

export interface Needs {
  /** The endpoints that may be asked at all; absent: every one. */
  readonly within: readonly string[] | undefined;
  /** Endpoints that count as local: what has no price there costs nothing. */
  readonly local: readonly string[];
  readonly ceiling: Ceiling;
  /** Of the request, by estimate. */
  readonly tokens: number;
  /** Of the answer, where whoever asks has said so. */
  readonly maxOutputTokens: number | undefined;
  readonly images: boolean;
  readonly documents: boolean;
  readonly tools: boolean;
}

/** `isHard`: it must not be taken; otherwise only rather not. */
interface Objection {
  readonly isHard: boolean;
  readonly why: string;
}

export const isLocal = ({ endpoint, local: known }: ModelInfo, local: readonly string[]): boolean =>
  local.includes(endpoint) && known !== false;

const dollars = (value: number): string => `$${Number(value.toPrecision(3))}`;

function costs(info: ModelInfo, { local, ceiling, tokens, maxOutputTokens }: Needs): string | undefined {
  const { usdPerCall, usdPerMillionOutput, answerTokens, unknownPrice } = ceiling;
  if (usdPerCall === undefined && usdPerMillionOutput === undefined) return undefined;
  const { price } = info;
  const outputTokens = maxOutputTokens ?? expectedOutput(answerTokens, info.maxOutputTokens);
  const usd = expectedCost({ inputTokens: tokens, outputTokens }, price);
  if (price === null || usd === undefined)
    return unknownPrice === "allow" || isLocal(info, local) ? undefined : "its price is not known, and there is a ceiling";
  if (usdPerMillionOutput !== undefined && price.output > usdPerMillionOutput)
    return `a million tokens of its answers cost ${dollars(price.output)}, and ${dollars(usdPerMillionOutput)} is the ceiling`;
  if (usdPerCall === undefined || usd <= usdPerCall) return undefined;
  return `an answer costs about ${dollars(usd)}, and ${dollars(usdPerCall)} is the ceiling`;
}

function objectionTo(info: ModelInfo, needs: Needs): Objection | undefined {
  if (needs.within !== undefined && !isLocal(info, needs.within)) return { isHard: true, why: "it is not local" };
  const cost = costs(info, needs);
  if (cost !== undefined) return { isHard: true, why: cost };
  if (needs.images && !info.vision) return { isHard: false, why: "it cannot see images" };
  if (needs.documents && info.documents !== true) return { isHard: false, why: "it cannot open documents" };
  return needs.tools && !info.tools ? { isHard: false, why: "it cannot use tools" } : undefined;
}

type PassedOver = Selection["passedOver"][number];

/** Looks models up, each once, and keeps who was passed over. */
export class Candidates {
  readonly passedOver: PassedOver[] = [];
  readonly #known = new Map<string | undefined, Promise<ModelInfo | string>>();

  constructor(
    private readonly access: Pick<ImplementationOf<typeof modelAccess>, "resolve">,
    private readonly agentId: string | undefined,
    private readonly needs: Needs,
    private readonly io: Io,
  ) {}

  /** The model, or why it cannot be asked. Without a name: the configured default. */
  find(name: string | undefined): Promise<ModelInfo | string> {
    const known = this.#known.get(name) ?? this.#resolve(name);
    this.#known.set(name, known);
    return known;
  }

  /** The first that nothing speaks against; else the first against which nothing hard does. */
  async first(names: readonly (string | undefined)[]): Promise<ModelInfo | undefined> {
    const rather: { readonly info: ModelInfo; readonly why: string }[] = [];
    for (const name of names) {
      const found = await this.find(name);
      if (typeof found === "string") this.#pass(name ?? "the configured default", found);
      else {
        const objection = objectionTo(found, this.needs);
        if (objection === undefined) {
          for (const { info, why } of rather) this.#pass(info.ref, why);
          return found;
        }
        if (objection.isHard) this.#pass(found.ref, objection.why);
        else rather.push({ info: found, why: objection.why });
      }
    }
    const [taken, ...others] = rather;
    for (const { info, why } of others) if (info.ref !== taken?.info.ref) this.#pass(info.ref, why);
    return taken?.info;
  }

  #pass(model: string, why: string): void {
    if (!this.passedOver.some((one) => one.model === model && one.why === why)) this.passedOver.push({ model, why });
  }

  async #resolve(name: string | undefined): Promise<ModelInfo | string> {
    const request = { ...(name === undefined ? {} : { model: name }), ...(this.agentId === undefined ? {} : { agentId: this.agentId }) };
    try {
      return (await this.access.resolve(request, this.io)).info;
    } catch (error) {
      if (this.io.signal.aborted) throw error;
      return errorMessage(error);
    }
  }
}
