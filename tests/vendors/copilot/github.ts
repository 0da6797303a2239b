/** GitHub's part of Copilot on loopback: device codes, the token that somebody signs in for, and sessions in exchange for it. */
import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";

type DeviceAnswer = "approved" | "authorization_pending" | "slow_down" | "access_denied" | "expired_token";

export interface GitHub {
  /** What was asked of it, in order: `device`, `device_code`, and each exchange with the token that it came with. */
  readonly asked: readonly string[];
  /** What whoever waits for the code to be entered is told, in order; the last holds. */
  device(...answers: readonly DeviceAnswer[]): void;
  /** The exchanges that follow are answered so, until `undefined` is given. */
  refuse(answer: { readonly status: number; readonly body: unknown } | undefined): void;
  /** Exchanges wait for this from now on. */
  hold(until: Promise<void>): void;
  /** No session that was given out is taken any more. */
  endSessions(): void;
  isOpen(session: string): boolean;
  /** False: it is for another part. */
  answer(exchange: Exchange, origin: string): boolean;
}

/** The client of the test; GitHub's own are known by name. */
const CLIENTS = new Set(["pincer-test", "Iv1.b507a08c87ecfe98"]);
const TOKEN = "gho_signed_in";

export interface GitHubOptions {
  readonly refreshSeconds?: number;
  /** How often whoever waits for the code may ask; GitHub's own is 5. */
  readonly intervalSeconds?: number;
}

export function createGitHub({ refreshSeconds = 1500, intervalSeconds = 5 }: GitHubOptions = {}): GitHub {
  const asked: string[] = [];
  const open = new Set<string>();
  let answers: readonly DeviceAnswer[] = ["authorization_pending"];
  let refusal: { readonly status: number; readonly body: unknown } | undefined;
  let held: Promise<void> | undefined;
  let sessions = 0;

  /** What went wrong is told with 200, beside the word for it. */
  const answerDevice = (exchange: Exchange) => {
    const fields = new URLSearchParams(exchange.body);
    const grant = fields.get("grant_type")?.replace(/^.*:/, "");
    asked.push(grant ?? "device");
    const say = (value: unknown) => exchange.send(200, JSON.stringify(value), { "content-type": "application/json; charset=utf-8" });
    if (!CLIENTS.has(fields.get("client_id") ?? "")) return say({ error: "incorrect_client_credentials" });
    if (grant === undefined) {
      return say({
        ...{ device_code: "device-1", user_code: "WDJB-MJHT", verification_uri: "https://github.com/login/device" },
        ...{ expires_in: 900, interval: intervalSeconds },
      });
    }
    const [answer = "authorization_pending", ...rest] = answers;
    if (rest.length > 0) answers = rest;
    // It does not end, and nothing refreshes it.
    if (answer === "approved") return say({ access_token: TOKEN, token_type: "bearer", scope: "read:user" });
    return say({ error: answer, ...(answer === "slow_down" ? { interval: intervalSeconds + 5 } : {}) });
  };

  const answerExchange = async (exchange: Exchange, origin: string): Promise<void> => {
    const token = /^token (.+)$/.exec(exchange.headers.get("authorization") ?? "")?.[1] ?? "";
    asked.push(token);
    await held;
    if (refusal) return exchange.send(refusal.status, JSON.stringify(refusal.body));
    if (!exchange.headers.has("editor-version")) return exchange.send(400, JSON.stringify({ message: "missing Editor-Version header" }));
    if (!/^gh[ou]_/.test(token)) {
      return exchange.send(
        401,
        JSON.stringify({ message: "Bad credentials", documentation_url: "https://docs.github.com/rest", status: "401" }),
      );
    }
    sessions += 1;
    const session = `tid=${sessions};exp=1790000000;sku=free_limited_copilot:mac`;
    open.add(session);
    exchange.send(
      200,
      JSON.stringify({
        token: session,
        expires_at: 1_790_000_000,
        refresh_in: refreshSeconds,
        sku: "free_limited_copilot",
        endpoints: { api: origin, telemetry: "https://copilot-telemetry.githubusercontent.com" },
      }),
    );
  };

  return {
    asked,
    device(...next) {
      answers = next;
    },
    refuse(answer) {
      refusal = answer;
    },
    hold(until) {
      held = until;
    },
    endSessions: () => open.clear(),
    isOpen: (session) => open.has(session),
    answer(exchange, origin) {
      if (exchange.path === "/login/device/code" || exchange.path === "/login/oauth/access_token") answerDevice(exchange);
      else if (exchange.path === "/copilot_internal/v2/token") void answerExchange(exchange, origin);
      else return false;
      return true;
    },
  };
}
