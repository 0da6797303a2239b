/** A Security Token Service that knows one role: whoever signs as one of its accounts gets the keys of the role for an hour. */
import { type Account, faultOf } from "./signature.ts";

export interface TokenService extends AsyncDisposable {
  readonly origin: string;
  /** Of each request, which role was asked for. */
  readonly asked: readonly string[];
}

export interface TokenServiceOptions {
  readonly accounts: Readonly<Record<string, Account>>;
  readonly role: string;
  readonly gives: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string };
}

export function startTokenService({ accounts, role, gives }: TokenServiceOptions): TokenService {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { method, headers } = request;
      const body = await request.text();
      const signed = new Headers(headers);
      // Asked for under its own name, as whoever signed it did.
      signed.set("host", "sts.us-east-1.amazonaws.com");
      const fault = faultOf(
        { method, path: "/", headers: signed, body },
        { service: "sts", region: "us-east-1", accounts, now: Date.now() },
      );
      const failed = (code: string, message: string) =>
        xml(`<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`, 403);
      if (fault) return failed(fault.type, fault.message);
      const wanted = new URLSearchParams(body).get("RoleArn") ?? "";
      asked.push(wanted);
      if (wanted !== role) return failed("AccessDenied", `not authorized to perform: sts:AssumeRole on resource: ${wanted}`);
      const expires = new Date(Date.now() + 3_600_000).toISOString();
      const keys = `<AccessKeyId>${gives.accessKeyId}</AccessKeyId><SecretAccessKey>${gives.secretAccessKey}</SecretAccessKey>`;
      const given = `<Credentials>${keys}<SessionToken>${gives.sessionToken}</SessionToken><Expiration>${expires}</Expiration></Credentials>`;
      return xml(`<AssumeRoleResponse><AssumeRoleResult>${given}</AssumeRoleResult></AssumeRoleResponse>`, 200);
    },
  });
  return { origin: `http://127.0.0.1:${server.port}`, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

const xml = (text: string, status: number) => new Response(text, { status, headers: { "content-type": "text/xml" } });
