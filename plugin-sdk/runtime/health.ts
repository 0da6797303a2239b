/** What a plugin says of its health, as it is passed on: plain, and short, since everybody who connects is sent it. */
import type { HealthReport } from "../plugin.ts";

const mostChars = 65_536;

/** Throws for what is no JSON, and for what is too long. */
export function plainHealth(report: HealthReport): HealthReport {
  const text = JSON.stringify(report);
  if (text.length > mostChars) throw new RangeError(`its report takes ${text.length} characters, and may take ${mostChars}`);
  return JSON.parse(text);
}

/** The answer of a process, which may be anything. */
export function healthFrom(answer: unknown): HealthReport {
  const { ok, detail, parts } = (answer ?? {}) as { readonly [K in keyof HealthReport]: unknown };
  return {
    ok: ok === true,
    ...(typeof detail === "string" && { detail: detail.slice(0, 1_000) }),
    ...(typeof parts === "object" && parts !== null && { parts: { ...parts } }),
  };
}
