/** A call's arguments: a form, in which what is structured is JSON (docs.slack.dev/apis/web-api, #post_bodies). */
import { Refusal } from "./refusal.ts";

export class Arguments {
  readonly #values: Readonly<Record<string, string>>;
  readonly #read = new Set<string>();

  constructor(body: string) {
    this.#values = Object.fromEntries(new URLSearchParams(body));
  }

  text(name: string): string | undefined {
    this.#read.add(name);
    const value = this.#values[name];
    return value === "" ? undefined : value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined)
      throw new Refusal("invalid_arguments", { response_metadata: { messages: [`[ERROR] missing required field: ${name}`] } });
    return value;
  }

  /** An id of a message or thread, in Slack's own form. */
  timestamp(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^\d{1,12}\.\d{6}$/.test(value)) throw new Refusal("invalid_arguments");
    return value;
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    if (value !== undefined && !Number.isFinite(Number(value))) throw new Refusal("invalid_arguments");
    return value === undefined ? undefined : Number(value);
  }

  json<T>(name: string): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    try {
      return JSON.parse(value) as T;
    } catch {
      throw new Refusal("invalid_arguments");
    }
  }

  /** What no method asked for. */
  unread(): readonly string[] {
    return Object.keys(this.#values).filter((name) => !this.#read.has(name));
  }
}
