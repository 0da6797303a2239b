/** A server on loopback that gives out tokens: for device codes, and for refresh tokens, each of which is good once. */

export type DeviceAnswer = "approved" | "authorization_pending" | "slow_down" | "access_denied";

interface SignInServer extends Disposable {
  readonly url: string;
  /** What was asked for, in order: the kind of the grant, or `device`. */
  readonly asked: readonly string[];
  /** What whoever waits for the code to be entered is told, in order; the last holds. */
  answer(...answers: readonly DeviceAnswer[]): void;
  /** What the next refresh is answered with, instead of a token. */
  refuse(status: number, error: string): void;
  /** Refreshes wait for this from now on. */
  hold(until: Promise<void>): void;
}

export function startSignInServer(options: { readonly lifeSeconds?: number; readonly device?: object } = {}): SignInServer {
  const asked: string[] = [];
  let answers: readonly DeviceAnswer[] = ["authorization_pending"];
  let tokens = 0;
  let refresh = "refresh-0";
  let refusal: { status: number; error: string } | undefined;
  let held: Promise<void> | undefined;
  const give = () => {
    tokens += 1;
    refresh = `refresh-${tokens}`;
    return Response.json({ access_token: `token-${tokens}`, refresh_token: refresh, expires_in: options.lifeSeconds ?? 3_600 });
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const fields = new URLSearchParams(await request.text());
      const grant = fields.get("grant_type");
      asked.push(grant?.replace(/^.*:/, "") ?? "device");
      if (fields.get("client_id") !== "pincer-test") return Response.json({ error: "invalid_client" }, { status: 401 });
      if (grant === null) {
        return Response.json({
          ...{ device_code: "device-1", user_code: "ABCD-EFGH", verification_uri: "http://127.0.0.1/device" },
          ...{ expires_in: 600, interval: 5, ...options.device },
        });
      }
      if (grant !== "refresh_token") {
        const [answer = "authorization_pending", ...rest] = answers;
        if (rest.length > 0) answers = rest;
        return answer === "approved" ? give() : Response.json({ error: answer }, { status: 400 });
      }
      await held;
      if (refusal) {
        const { status, error } = refusal;
        refusal = undefined;
        return Response.json({ error }, { status });
      }
      return fields.get("refresh_token") === refresh ? give() : Response.json({ error: "invalid_grant" }, { status: 400 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    answer(...next) {
      answers = next;
    },
    refuse(status, error) {
      refusal = { status, error };
    },
    hold(until) {
      held = until;
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
}
