/** Responses that are kept, so that a conversation goes on by the id of its last answer. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { Message } from "@pincer/plugin-sdk/message";
import type { AgentTurn } from "./agent-turn.ts";
import type { ApiConfig } from "./config.ts";
import type { InputItem } from "./responses-request.ts";
import type { ResponseObject } from "./responses-shape.ts";

/** What is asked of whom. */
export type Run = { readonly kind: "model"; readonly call: LlmRequest } | { readonly kind: "agent"; readonly turn: AgentTurn };

export interface StoredResponse {
  /** Who asked: nobody else is given it. */
  readonly principal: string;
  readonly response: ResponseObject;
  readonly input: readonly (InputItem & { readonly id: string })[];
  /** The conversation with its last answer; of an agent's, the session holds it. */
  readonly messages: readonly Message[];
  readonly sessionKey?: string;
  /** Of a response in the background, until it is there. */
  readonly run?: Run;
  /** Whether the model's proof of its thinking is handed out. */
  readonly sealed: boolean;
}

/** A value of the store holds a megabyte; a character takes at most four bytes, or six where it is escaped. */
const pieceChars = 150_000;
const DAY_MS = 86_400_000;
const digits = (number: number, width: number) => String(number).padStart(width, "0");

export interface ResponseStore {
  get(id: string): Promise<StoredResponse | undefined>;
  /** False when it is too large to be kept. */
  put(stored: StoredResponse): Promise<boolean>;
  remove(stored: StoredResponse): Promise<void>;
  /** Lets go of what is too old, and of the oldest when there are too many. */
  sweep(now: number): Promise<void>;
}

export function createResponseStore(ctx: { readonly store: KeyValueStore; readonly config: ApiConfig }): ResponseStore {
  const { store } = ctx;
  const piecesOf = (id: string) => store.list<string>(`response/${id}/`);
  const made = ({ id, created_at }: ResponseObject) => `made/${digits(created_at, 12)}/${id}`;
  const gone = async (id: string, key: string) => ({
    [key]: undefined,
    ...Object.fromEntries((await piecesOf(id)).map((piece) => [piece.key, undefined])),
  });

  return {
    async get(id) {
      if (!/^resp_[\w-]{1,64}$/.test(id)) return undefined;
      const pieces = await piecesOf(id);
      if (pieces.length === 0) return undefined;
      const ordered = pieces.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      return JSON.parse(ordered.map(({ value }) => value).join("")) as StoredResponse;
    },

    async put(stored) {
      const text = JSON.stringify(stored);
      if (text.length > ctx.config.responseBytes) return false;
      const { id } = stored.response;
      const before = stored.response.background ? await piecesOf(id) : [];
      const changes: Record<string, unknown> = Object.fromEntries(before.map(({ key }) => [key, undefined]));
      for (let at = 0; at * pieceChars < text.length; at++)
        changes[`response/${id}/${digits(at, 5)}`] = text.slice(at * pieceChars, (at + 1) * pieceChars);
      changes[made(stored.response)] = id;
      await store.set(changes);
      return true;
    },

    async remove({ response }) {
      await store.set(await gone(response.id, made(response)));
    },

    async sweep(now) {
      const all = (await store.list<string>("made/")).toSorted((a, b) => (a.key < b.key ? -1 : 1));
      const oldest = `made/${digits(Math.floor((now - ctx.config.responseDays * DAY_MS) / 1000), 12)}`;
      const surplus = all.length - ctx.config.mostResponses;
      for (const [at, { key, value }] of all.entries()) {
        if (at >= surplus && key >= oldest) break;
        await store.set(await gone(value, key));
      }
    },
  };
}
