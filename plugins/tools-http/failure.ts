/** What is answered instead of a result. */

export class InvokeFailure extends Error {
  readonly status: number;
  readonly type: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(status: number, type: string, message: string, details?: Readonly<Record<string, unknown>>) {
    super(message);
    this.status = status;
    this.type = type;
    this.details = details;
  }

  get response(): Response {
    const { status, type, message, details } = this;
    return Response.json({ ok: false, error: { type, message, ...(details === undefined ? {} : { details }) } }, { status });
  }
}

export const invalid = (message: string) => new InvokeFailure(400, "invalid_request", message);
export const notFound = (message: string) => new InvokeFailure(404, "not_found", message);
export const forbidden = (message: string) => new InvokeFailure(403, "forbidden", message);
