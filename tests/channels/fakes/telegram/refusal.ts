/** What the Bot API answers in place of a result (core.telegram.org/bots/api#making-requests, #responseparameters). */

export interface Parameters {
  readonly retry_after?: number;
  readonly migrate_to_chat_id?: number;
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly description: string,
    readonly parameters: Parameters = {},
  ) {
    super(description);
  }

  response(): Response {
    const { status, description, parameters } = this;
    const retryAfter = parameters.retry_after;
    return Response.json(
      { ok: false, error_code: status, description, ...(Object.keys(parameters).length > 0 && { parameters }) },
      { status, headers: retryAfter === undefined ? {} : { "retry-after": String(retryAfter) } },
    );
  }
}

export const bad = (what: string, parameters?: Parameters) => new Refusal(400, `Bad Request: ${what}`, parameters);
export const forbidden = (what: string) => new Refusal(403, `Forbidden: ${what}`);
export const tooMany = (seconds: number) => new Refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
