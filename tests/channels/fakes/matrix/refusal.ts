/** How a homeserver refuses: a status, an `errcode` of the specification, and words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly errcode: string,
    readonly error: string,
    readonly more: object = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(error);
  }

  response(): Response {
    return Response.json({ errcode: this.errcode, error: this.error, ...this.more }, { status: this.status, headers: this.headers });
  }
}

export const unknownToken = (soft_logout = false) => new Refusal(401, "M_UNKNOWN_TOKEN", "Unknown access token", { soft_logout });
export const forbidden = (error = "You are not allowed to do this") => new Refusal(403, "M_FORBIDDEN", error);
export const notFound = (error = "Not found") => new Refusal(404, "M_NOT_FOUND", error);
/** As the specification has it since 1.10: the header beside the deprecated field. */
export const limited = (ms: number) =>
  new Refusal(429, "M_LIMIT_EXCEEDED", "Too Many Requests", { retry_after_ms: ms }, { "retry-after": String(Math.ceil(ms / 1000)) });
