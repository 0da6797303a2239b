/** Model providers: one vendor's or one server's way of speaking, over one or more endpoints. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional, stream } from "../contract.ts";
import { AssistantMessage, ImageBlock, Message, StopReason, TextBlock, Usage } from "../message.ts";

export { AssistantMessage, ImageBlock, TextBlock };

/** How much a model may think, from nothing on. */
export const Thinking = Type.Union([
  Type.Literal("off"),
  Type.Literal("minimal"),
  Type.Literal("low"),
  Type.Literal("medium"),
  Type.Literal("high"),
  Type.Literal("xhigh"),
]);
export type Thinking = Static<typeof Thinking>;
export const thinkingLevels: readonly Thinking[] = Thinking.anyOf.map((level) => level.const);

/** Unknown figures are null, never guessed. Prices in US dollars for a million tokens. */
export const ModelInfo = Type.Object({
  /** `endpoint/model`, such as `openai/gpt-5`. */
  ref: Type.String(),
  endpoint: Type.String(),
  id: Type.String(),
  name: Type.String(),
  contextWindow: Type.Union([Type.Integer(), Type.Null()]),
  maxOutputTokens: Type.Union([Type.Integer(), Type.Null()]),
  reasoning: Type.Boolean(),
  vision: Type.Boolean(),
  tools: Type.Boolean(),
  /** It opens documents: PDFs at least. */
  documents: Type.Optional(Type.Boolean()),
  /** When the last message is an unfinished assistant's, the answer goes on behind its text. */
  continues: Type.Optional(Type.Boolean()),
  /** It runs on this machine or a network of one's own. `false`: its server hands requests on to another's. Absent: elsewhere, or not known. */
  local: Type.Optional(Type.Boolean()),
  /** How much it thinks when nobody says; absent: the agent's own default. */
  thinkingDefault: Type.Optional(Thinking),
  price: Type.Union([
    Type.Object({
      input: Type.Number(),
      output: Type.Number(),
      cacheRead: Type.Optional(Type.Number()),
      cacheWrite: Type.Optional(Type.Number()),
    }),
    Type.Null(),
  ]),
});
export type ModelInfo = Static<typeof ModelInfo>;

/** A tool as the model sees it; `name` is already in `[a-zA-Z0-9_-]{1,64}`. */
export const ToolSpec = Type.Object({
  name: Type.String(),
  description: Type.String(),
  parameters: Type.Unknown(),
  /** The arguments must match the schema exactly, where the vendor can see to it. */
  strict: Type.Optional(Type.Boolean()),
});
export type ToolSpec = Static<typeof ToolSpec>;

/** `{ name }`: that tool and no other. */
export const ToolChoice = Type.Union([
  Type.Literal("auto"),
  Type.Literal("none"),
  Type.Literal("required"),
  Type.Object({ name: Type.String() }),
]);
export type ToolChoice = Static<typeof ToolChoice>;

/** `json`: some JSON object. */
export const ResponseFormat = Type.Union([
  Type.Object({ type: Type.Literal("json") }),
  Type.Object({
    type: Type.Literal("json-schema"),
    name: Type.String(),
    description: Type.Optional(Type.String()),
    schema: Type.Unknown(),
    strict: Type.Optional(Type.Boolean()),
  }),
]);
export type ResponseFormat = Static<typeof ResponseFormat>;

/** `bytes` is null where the token is no text of its own. */
const Logprob = { token: Type.String(), logprob: Type.Number(), bytes: Type.Union([Type.Array(Type.Integer()), Type.Null()]) };
export const TokenLogprob = Type.Object({ ...Logprob, top: Type.Array(Type.Object(Logprob)) });
export type TokenLogprob = Static<typeof TokenLogprob>;

/** Classes of failure that failover and users can act on. */
export const FailureClass = Type.Union([
  Type.Literal("auth"),
  Type.Literal("rate-limit"),
  Type.Literal("overloaded"),
  Type.Literal("network"),
  Type.Literal("timeout"),
  Type.Literal("context-overflow"),
  Type.Literal("billing"),
  Type.Literal("bad-request"),
  Type.Literal("image"),
  Type.Literal("refusal"),
  /** Whoever ranks above the providers has tried all that there was: asking again at once helps nobody. No provider says so itself. */
  Type.Literal("exhausted"),
  Type.Literal("unknown"),
]);
export type FailureClass = Static<typeof FailureClass>;

export const ModelFailure = Type.Object({
  class: FailureClass,
  message: Type.String(),
  status: Type.Optional(Type.Integer()),
  retryAfterMs: Type.Optional(Type.Integer()),
  /** Of `auth`: the vendor does not take the credential at all. Else a 403 may forbid it this one model. */
  credentialRefused: Type.Optional(Type.Boolean()),
});
export type ModelFailure = Static<typeof ModelFailure>;

export const CredentialType = Type.Union([Type.Literal("api-key"), Type.Literal("oauth"), Type.Literal("token"), Type.Literal("aws-sdk")]);
export type CredentialType = Static<typeof CredentialType>;

/** What a request is made with instead of the provider's own. It travels by name, never by value. */
export const Credential = Type.Object({
  type: CredentialType,
  /** What `ctx.secret` gives the value for; it begins with `AUTH_PROFILE_`, which the provider's manifest names as `AUTH_PROFILE_*`. */
  secret: Type.Optional(Type.String()),
  /** Of `aws-sdk`: the profile in AWS's own files; absent: whatever AWS's own chain finds. */
  name: Type.Optional(Type.String()),
});
export type Credential = Static<typeof Credential>;

export const ModelRequest = Type.Object({
  /** `endpoint/model`. */
  model: Type.String(),
  /** Stable prefix first: providers cache it. */
  system: Type.Array(Type.Object({ text: Type.String(), cache: Type.Optional(Type.Boolean()) })),
  messages: Type.Array(Message),
  tools: Type.Array(ToolSpec),
  toolChoice: Type.Optional(ToolChoice),
  /** Absent: as the vendor does. */
  parallelTools: Type.Optional(Type.Boolean()),
  /** Absent: as the model does by itself. */
  thinking: Type.Optional(Thinking),
  responseFormat: Type.Optional(ResponseFormat),
  maxOutputTokens: Type.Optional(Type.Integer()),
  /** What a vendor does not know of the following it leaves out; what changes the shape of the answer it refuses as `bad-request`. */
  temperature: Type.Optional(Type.Number()),
  topP: Type.Optional(Type.Number()),
  stop: Type.Optional(Type.Array(Type.String())),
  seed: Type.Optional(Type.Integer()),
  presencePenalty: Type.Optional(Type.Number()),
  frequencyPenalty: Type.Optional(Type.Number()),
  /** Asks for the probability of each token, and of so many that might have stood in its place. */
  logprobs: Type.Optional(Type.Integer()),
  /** Nobody reads the answer before its end: a provider may ask for it in one piece. */
  whole: Type.Optional(Type.Boolean()),
  /** Groups requests for the provider's prompt cache and abuse checks; carries no personal data. */
  cacheKey: Type.Optional(Type.String()),
  /** Absent: the provider's own. */
  credential: Type.Optional(Credential),
});
export type ModelRequest = Static<typeof ModelRequest>;

/** `index` is the content block's place in the answer. Tool arguments come whole in the answer; `tool-call` says early that one is coming. */
export const ModelEvent = Type.Union([
  Type.Object({
    type: Type.Literal("text"),
    index: Type.Integer(),
    delta: Type.String(),
    logprobs: Type.Optional(Type.Array(TokenLogprob)),
  }),
  Type.Object({ type: Type.Literal("thinking"), index: Type.Integer(), delta: Type.String() }),
  Type.Object({ type: Type.Literal("tool-call"), index: Type.Integer(), id: Type.String(), name: Type.String() }),
]);
export type ModelEvent = Static<typeof ModelEvent>;

/** A stream never rejects once it has begun: a failure is `stopReason: "error"` with `failure`, and `message` holds what had arrived. */
export const ModelAnswer = Type.Object({
  message: AssistantMessage,
  stopReason: StopReason,
  usage: Usage,
  failure: Type.Optional(ModelFailure),
});
export type ModelAnswer = Static<typeof ModelAnswer>;

export const EmbedRequest = Type.Object({
  /** `endpoint/model`. */
  model: Type.String(),
  input: Type.Array(Type.String()),
  dimensions: Type.Optional(Type.Integer()),
  /** Absent: the provider's own. */
  credential: Type.Optional(Credential),
});
export type EmbedRequest = Static<typeof EmbedRequest>;

/** One vector for each input, in its order; none when there is a `failure`. */
export const EmbedAnswer = Type.Object({
  embeddings: Type.Array(Type.Array(Type.Number())),
  usage: Usage,
  failure: Type.Optional(ModelFailure),
});
export type EmbedAnswer = Static<typeof EmbedAnswer>;

export const PullRequest = Type.Object({
  /** `endpoint/model`. */
  model: Type.String(),
});
export type PullRequest = Static<typeof PullRequest>;

/** How far it is with a model that is fetched: of all its parts that are known so far. */
export const PullProgress = Type.Object({
  /** What the server is at, in its own words. */
  status: Type.String(),
  completedBytes: Type.Integer(),
  /** Null until it is known. */
  totalBytes: Type.Union([Type.Integer(), Type.Null()]),
});
export type PullProgress = Static<typeof PullProgress>;

export const Pulled = Type.Object({ failure: Type.Optional(ModelFailure) });
export type Pulled = Static<typeof Pulled>;

/** Where somebody signs in with a device code (RFC 8628), and gets a token of the type `oauth`. */
export const SignIn = Type.Object({
  deviceUrl: Type.String(),
  tokenUrl: Type.String(),
  clientId: Type.String(),
  scopes: Type.Array(Type.String()),
});
export type SignIn = Static<typeof SignIn>;

export const ProviderRecord = Type.Object({
  label: Type.String(),
  /** Endpoint ids that it always serves; `open` providers may serve further ones that the operator configures. */
  endpoints: Type.Array(Type.String()),
  open: Type.Boolean(),
  /** It answers by itself, without any model. */
  offline: Type.Optional(Type.Boolean()),
  /** It is there without anybody having set it up: what was given a key comes before it. */
  found: Type.Optional(Type.Boolean()),
  /** What requests may be made with; absent: with nothing but the provider's own. */
  credentials: Type.Optional(Type.Array(CredentialType)),
  /** By endpoint. Nothing is asked there until the operator's configuration names it. */
  signIn: Type.Optional(Type.Record(Type.String(), SignIn)),
});

export const EndpointStatus = Type.Object({
  endpoint: Type.String(),
  label: Type.String(),
  /** A credential or host was found. */
  ready: Type.Boolean(),
  /** What is missing and how to add it, when not ready. */
  detail: Type.Optional(Type.String()),
  /** The model used when a reference names only the endpoint. */
  defaultModel: Type.Optional(Type.String()),
  /** Its server is on this machine or a network of one's own, as its address says. */
  local: Type.Optional(Type.Boolean()),
  /** Another text whenever the provider's own credential is another; tells nothing of it. */
  credential: Type.Optional(Type.String()),
});
export type EndpointStatus = Static<typeof EndpointStatus>;

export const Probed = Type.Object({ failure: Type.Optional(ModelFailure) });
export type Probed = Static<typeof Probed>;

export const provider = defineContract({
  id: "provider",
  version: 1,
  arity: "many",
  record: ProviderRecord,
  members: {
    endpoints: call(Type.Object({}), Type.Object({ endpoints: Type.Array(EndpointStatus) }), { safe: true }),
    models: call(
      Type.Object({
        endpoint: Type.Optional(Type.String()),
        refresh: Type.Optional(Type.Boolean()),
        /** What to ask with where the endpoint has nothing of its own. */
        credential: Type.Optional(Credential),
      }),
      Type.Object({ models: Type.Array(ModelInfo) }),
      { safe: true },
    ),
    stream: stream(ModelRequest, ModelEvent, ModelAnswer, { safe: true }),
    /** The end of a `stream` that nobody reads before it: a provider with a shorter way there has it, and no other needs it. */
    answer: optional(call(ModelRequest, ModelAnswer, { safe: true })),
    /** Whether the vendor takes the credential, found out by what costs nothing, such as a list of models. */
    probe: optional(call(Type.Object({ endpoint: Type.String(), credential: Type.Optional(Credential) }), Probed, { safe: true })),
    embed: optional(call(EmbedRequest, EmbedAnswer, { safe: true })),
    /** Fetches a model onto the provider's own server. Begun again, it goes on where it was. */
    pull: optional(stream(PullRequest, PullProgress, Pulled, { safe: true })),
  },
});
