/** The configuration of access: who may come in, and how often somebody may try. */
import { type Static, Type } from "@sinclair/typebox";

const closed = { additionalProperties: false, default: {} };
const ms = (value: number, description: string) =>
  Type.Integer({ minimum: 0, default: value, description: `${description}, in milliseconds` });
const count = (value: number, description: string) => Type.Integer({ minimum: 1, default: value, description });
const secret = (description: string) => Type.Optional(Type.String({ minLength: 1, description, sensitive: true }));

export const AccessConfig = Type.Object(
  {
    auth: Type.Object(
      {
        mode: Type.Union([Type.Literal("none"), Type.Literal("token"), Type.Literal("password")], {
          default: "token",
          description: "What proves that somebody may come in. `none` admits loopback and private addresses alone",
        }),
        token: secret("The shared token; when absent, the one in the home's token file"),
        password: secret("The shared password, for the mode of that name"),
      },
      closed,
    ),
    allowedOrigins: Type.Array(Type.String({ pattern: "^[a-z][a-z0-9+.-]*://[^/]+$" }), {
      default: [],
      description: "Origins of web pages that may connect beside the gateway's own, such as https://chat.example.org",
    }),
    trustedProxies: Type.Array(Type.String({ pattern: "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$" }), {
      default: [],
      description: "Addresses or networks of proxies whose X-Forwarded-For is believed",
    }),
    publicUrl: Type.Optional(
      Type.String({ pattern: "^wss?://", description: "Where devices reach the gateway from elsewhere; written into setup codes" }),
    ),
    lockout: Type.Object(
      {
        attempts: count(10, "Wrong credentials within the window before the door stays shut"),
        windowMs: ms(60_000, "The window in which they are counted"),
        lockMs: ms(300_000, "How long it stays shut"),
        loopbackFactor: count(20, "How many times more attempts this machine's own address has, all its clients together"),
        loopbackLockMs: ms(10_000, "How long it stays shut to this machine's own address"),
        maxTracked: count(10_000, "Addresses and devices remembered"),
      },
      closed,
    ),
    auditRows: count(200_000, "Entries of the audit log that are kept"),
  },
  closed,
);
export type AccessSettings = Static<typeof AccessConfig>;
