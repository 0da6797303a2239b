/** A call of the Bot API, however it was encoded: JSON, a form, or a form with files (core.telegram.org/bots/api#making-requests). */
import { bad } from "./refusal.ts";
import type { SentFile } from "./world.ts";

export interface Fields {
  readonly values: Readonly<Record<string, unknown>>;
  /** Under the name that `attach://` gives them. */
  readonly files: ReadonlyMap<string, Omit<SentFile, "field">>;
}

export async function readFields(request: Request): Promise<Fields> {
  const type = request.headers.get("content-type") ?? "";
  if (type.startsWith("multipart/form-data"))
    return readForm(new Uint8Array(await request.arrayBuffer()), /boundary=(\S+)/.exec(type)?.[1] ?? "");
  const text = await request.text();
  if (text === "") return { values: {}, files: new Map() };
  if (!type.startsWith("application/json")) return { values: Object.fromEntries(new URLSearchParams(text)), files: new Map() };
  try {
    return { values: JSON.parse(text) as Record<string, unknown>, files: new Map() };
  } catch {
    throw bad("can't parse JSON object");
  }
}

/** By hand: clients write the heads of parts more freely than Bun reads them. */
function readForm(body: Uint8Array, boundary: string): Fields {
  const values: Record<string, unknown> = {};
  const files = new Map<string, Omit<SentFile, "field">>();
  const text = Buffer.from(body).toString("latin1");
  for (const part of text.split(`--${boundary}`).slice(1, -1)) {
    const [head = "", ...rest] = part.replace(/^\r\n/, "").split("\r\n\r\n");
    const content = Buffer.from(rest.join("\r\n\r\n").replace(/\r\n$/, ""), "latin1");
    const heads = Buffer.from(head, "latin1").toString("utf8");
    const name = /;\s*name="([^"]*)"/.exec(heads)?.[1];
    const file = /;\s*filename="?([^"\r\n;]*)"?/.exec(heads)?.[1];
    if (name === undefined) throw bad("can't parse the form");
    if (file === undefined) values[name] = content.toString("utf8");
    else files.set(name, { name: file, bytes: new Uint8Array(content) });
  }
  return { values, files };
}

/** In a form everything is text, and what is structured is JSON. */
const decoded = (value: unknown): unknown => {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // silent-ok: a text that only begins so
  }
};

export class Arguments {
  readonly #read = new Set<string>();

  constructor(private readonly fields: Fields) {}

  text(name: string): string | undefined {
    this.#read.add(name);
    const value = this.fields.values[name];
    return value === undefined || value === null ? undefined : String(value);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (!Number.isInteger(number)) throw bad(`can't parse "${name}": expected a number`);
    return number;
  }

  flag(name: string): boolean {
    return this.text(name) === "true";
  }

  json<T>(name: string): T | undefined {
    this.#read.add(name);
    return decoded(this.fields.values[name]) as T | undefined;
  }

  file(name: string): SentFile | undefined {
    const attached = this.text(name);
    const file = attached === undefined ? this.fields.files.get(name) : this.fields.files.get(attached.replace(/^attach:\/\//, ""));
    return file && { field: name, ...file };
  }

  /** What no method asked for. */
  unread(): readonly string[] {
    return Object.keys(this.fields.values).filter((name) => !this.#read.has(name));
  }
}
