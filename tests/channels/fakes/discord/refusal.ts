/** What Discord answers in place of a result (discord.com/developers/docs/reference#error-messages, topics/opcodes-and-status-codes, topics/rate-limits). */

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    description: string,
    readonly more: Readonly<Record<string, unknown>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(description);
  }

  response(): Response {
    const { status, code, message, more, headers } = this;
    return Response.json({ message, ...(status === 429 ? {} : { code }), ...more }, { status, headers });
  }
}

/** One field of a body that is not as it must be. */
export function invalidForm(path: readonly string[], code: string, message: string): Refusal {
  const errors = path.toReversed().reduce<object>((inner, key) => ({ [key]: inner }), { _errors: [{ code, message }] });
  return new Refusal(400, 50_035, "Invalid Form Body", { errors });
}

export const unauthorized = () => new Refusal(401, 0, "401: Unauthorized");
export const unknownChannel = () => new Refusal(404, 10_003, "Unknown Channel");
export const unknownMessage = () => new Refusal(404, 10_008, "Unknown Message");
export const unknownWebhook = () => new Refusal(404, 10_015, "Unknown Webhook");
export const unknownInteraction = () => new Refusal(404, 10_062, "Unknown interaction");
export const missingPermissions = () => new Refusal(403, 50_013, "Missing Permissions");

export const tooMany = (seconds: number, isGlobal = false) =>
  new Refusal(
    429,
    0,
    "You are being rate limited.",
    { retry_after: seconds, global: isGlobal },
    {
      "retry-after": String(Math.ceil(seconds)),
      "x-ratelimit-scope": isGlobal ? "global" : "user",
      ...(isGlobal ? { "x-ratelimit-global": "true" } : {}),
    },
  );
