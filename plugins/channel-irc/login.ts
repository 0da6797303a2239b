/** From the first line until the server has let it in: what both can, who it is, and its nick. */
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Settings } from "./config.ts";
import type { Line } from "./line.ts";

/** What it asks for where the server has it (ircv3.net/specs). */
const WANTED = [
  "message-tags",
  "server-time",
  "batch",
  "echo-message",
  "account-tag",
  "account-notify",
  "extended-join",
  "chghost",
  "draft/chathistory",
  "znc.in/playback",
];

const OTHER_NICKS = 4;
/** Of what is sent as one `AUTHENTICATE`. */
const CHUNK = 400;

type Write = (command: string, ...params: string[]) => void;

export class Login {
  readonly #settings: Settings;
  readonly #write: Write;
  readonly #offered = new Map<string, string>();
  readonly caps = new Set<string>();
  nick: string;
  #tried = 0;

  constructor(settings: Settings, write: Write) {
    this.#settings = settings;
    this.#write = write;
    this.nick = settings.nick;
  }

  begin(): void {
    const { serverPassword, nick, realName } = this.#settings;
    this.#write("CAP", "LS", "302");
    if (serverPassword !== undefined) this.#write("PASS", serverPassword);
    this.#write("NICK", nick);
    this.#write("USER", nick.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 10) || "pincer", "0", "*", realName);
  }

  /** Whether the server has let it in. Throws `CHANNEL_LOGIN_REQUIRED`, which says what to do. */
  take({ command, params }: Line): boolean {
    const { login, nick } = this.#settings;
    const said = params.at(-1) ?? "";
    switch (command) {
      case "CAP":
        this.#capabilities(params);
        return false;
      case "AUTHENTICATE":
        if (params[0] === "+") this.#prove();
        return false;
      case "903":
        this.#write("CAP", "END");
        return false;
      case "902":
      case "904":
      case "905":
      case "906":
        throw loginRequired(`the server does not accept the login (${said})`, this.#howToLogIn());
      case "908":
        throw loginRequired(`the server knows other ways to log in (${params[1]})`, "set channels.irc.login to one of them");
      case "464":
        throw loginRequired(`the server wants a password, or another one (${said})`, "pincer secrets set IRC_SERVER_PASSWORD");
      case "465":
        throw channelErrors.CHANNEL_UNAVAILABLE(`the server has banned this address (${said})`);
      case "432":
        throw loginRequired(`the server does not take the nick "${this.nick}" (${said})`, 'pincer config set channels.irc.nick "another"');
      case "433":
      case "436":
      case "437":
        if (++this.#tried > OTHER_NICKS)
          throw channelErrors.CHANNEL_UNAVAILABLE(`"${nick}" is in use at the server, and so are the names like it`);
        this.nick = `${nick}${"_".repeat(this.#tried)}`;
        this.#write("NICK", this.nick);
        return false;
      case "001":
        this.nick = params[0] ?? this.nick;
        if (login === "nickserv") this.identify();
        return true;
      default:
        return false;
    }
  }

  /** Only where the settings say so: who is called NickServ elsewhere is anybody. */
  identify(): void {
    const { loginName, password = "" } = this.#settings;
    this.#write("PRIVMSG", "NickServ", `IDENTIFY ${loginName} ${password}`);
  }

  #howToLogIn(): string {
    return this.#settings.login === "external"
      ? "tell NickServ the certificate's fingerprint (/msg NickServ CERT ADD), or set IRC_CERTIFICATE anew"
      : "pincer secrets set IRC_PASSWORD, and look at channels.irc.loginName";
  }

  #capabilities([, kind, ...rest]: readonly string[]): void {
    const { login } = this.#settings;
    const listed = (rest.at(-1) ?? "").split(" ").filter((word) => word !== "");
    if (kind === "LS") {
      for (const word of listed) this.#offered.set(word.split("=", 1)[0]!, word.includes("=") ? word.slice(word.indexOf("=") + 1) : "");
      if (rest[0] === "*" && rest.length > 1) return;
      const wantsSasl = login === "plain" || login === "external";
      const ways = this.#offered.get("sasl");
      if (wantsSasl && (ways === undefined || (ways !== "" && !ways.toLowerCase().split(",").includes(login))))
        throw loginRequired(
          `the server has no SASL ${login.toUpperCase()}`,
          'where NickServ keeps accounts: pincer config set channels.irc.login nickserv; without an account: "none"',
        );
      const asked = [...WANTED.filter((cap) => this.#offered.has(cap)), ...(wantsSasl ? ["sasl"] : [])];
      if (asked.length === 0) this.#write("CAP", "END");
      else this.#write("CAP", "REQ", asked.join(" "));
    } else if (kind === "ACK") {
      for (const cap of listed) if (!cap.startsWith("-")) this.caps.add(cap);
      if (this.caps.has("sasl")) this.#write("AUTHENTICATE", login.toUpperCase());
      else this.#write("CAP", "END");
    } else if (kind === "NAK") {
      if (login === "plain" || login === "external")
        throw loginRequired("the server refuses what it has offered (SASL)", this.#howToLogIn());
      this.#write("CAP", "END");
    }
  }

  #prove(): void {
    const { login, loginName, password = "" } = this.#settings;
    const proof = login === "external" ? "" : btoa(String.fromCharCode(...new TextEncoder().encode(`\0${loginName}\0${password}`)));
    for (let at = 0; at < proof.length; at += CHUNK) this.#write("AUTHENTICATE", proof.slice(at, at + CHUNK));
    if (proof.length % CHUNK === 0) this.#write("AUTHENTICATE", "+");
  }
}
