/** What the Web API answers in place of a result (docs.slack.dev/apis/web-api, #responses; docs.slack.dev/apis/web-api/rate-limits). */

export class Refusal extends Error {
  constructor(
    readonly error: string,
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(error);
  }

  response(headers: Readonly<Record<string, string>>): Response {
    return Response.json({ ok: false, error: this.error, ...this.more }, { headers });
  }
}

/** The only answer with a status of its own. */
export class TooMany extends Refusal {
  constructor(readonly seconds: number) {
    super("ratelimited");
  }

  override response(headers: Readonly<Record<string, string>>): Response {
    return Response.json(
      { ok: false, error: "ratelimited" },
      { status: 429, headers: { ...headers, "retry-after": String(this.seconds) } },
    );
  }
}

/** Whoever stands in front of Slack, when Slack is not there. */
export class Broken extends Refusal {
  constructor(readonly status: number) {
    super("");
  }

  override response(): Response {
    return new Response("<html>upstream</html>", { status: this.status, headers: { "content-type": "text/html" } });
  }
}
