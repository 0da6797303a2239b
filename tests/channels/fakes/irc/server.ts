/**
 * An IRC server with what ngIRCd has not: SASL, accounts, echoes, history. Written from RFC 2812 and the specifications at ircv3.net/specs (capability
 * negotiation, sasl-3.1, account-tag, extended-join, echo-message, chathistory, message-ids, server-time) and modern.ircdocs.horse. It refuses lines
 * that are too long or that it does not know, and throws out who sends too many.
 */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";

export interface FakeIrcOptions {
  readonly caps?: readonly string[];
  /** Ways of SASL that are offered; absent: none. */
  readonly sasl?: readonly string[];
  /** Passwords by account. */
  readonly accounts?: Readonly<Record<string, string>>;
  /** Lines that it takes between two looks at the clock (`look`), before it throws the client out. */
  readonly most?: number;
  /** Most messages that CHATHISTORY gives at once (100 when absent), and what a message may be named by there. */
  readonly page?: number;
  readonly references?: string;
  /** A bouncer with the module `playback`: it keeps what was said, in buffers. */
  readonly isBouncer?: boolean;
  /** What of CLIENTTAGDENY the server says. */
  readonly tagsDenied?: string;
  /** Everything that somebody says comes twice, as a bouncer and the server behind it may say it. */
  readonly twice?: boolean;
  /** Epoch milliseconds; the machine's when absent. */
  readonly now?: () => number;
  /** Certificate and key in PEM: encrypted, and a client may show a certificate of its own. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface Spoken {
  readonly from: string;
  readonly target: string;
  readonly text: string;
  readonly account?: string;
  /** Epoch milliseconds. */
  readonly at?: number;
  readonly id?: string;
  readonly tags?: string;
}

export interface FakeIrc extends AsyncDisposable {
  readonly address: string;
  /** What the assistant said, by nick of its connection. */
  readonly said: readonly { readonly as: string; readonly target: string; readonly text: string }[];
  /** Which message each of these is a reply to, as it says. */
  readonly replies: readonly (string | undefined)[];
  /** What it told beside messages (TAGMSG). */
  readonly signs: readonly { readonly target: string; readonly tags: Readonly<Record<string, string>> }[];
  /** Every line that came. */
  readonly lines: readonly string[];
  /** Lines that no client should send, with what was answered. */
  readonly odd: readonly string[];
  /** Nicks that somebody else has. */
  readonly taken: Set<string>;
  /** As whom clients have logged in. */
  readonly logins: readonly string[];
  until(holds: () => boolean): Promise<void>;
  /** Somebody says something: kept, and sent to who is connected. Answers with its id. */
  speak(spoken: Spoken): string;
  /** Lines as they stand, to every client. */
  send(...lines: readonly string[]): void;
  raw(bytes: Uint8Array): void;
  /** Says no more that it has taken something, and answers no `PING`, until `connect`. */
  hang(): void;
  disconnect(last?: string): void;
  connect(): void;
  look(): void;
}

interface Client {
  readonly socket: Socket;
  readonly caps: Set<string>;
  nick: string;
  isIn: boolean;
  isNegotiating: boolean;
  proof: string;
  taken: number;
}

const CAPS = [
  "message-tags",
  "server-time",
  "batch",
  "echo-message",
  "account-tag",
  "account-notify",
  "extended-join",
  "draft/chathistory",
];

export async function startFakeIrc({
  caps = CAPS,
  sasl = [],
  accounts = {},
  most = Number.POSITIVE_INFINITY,
  twice = false,
  now = Date.now,
  page = 100,
  references = "timestamp",
  isBouncer = false,
  tagsDenied,
  tls,
}: FakeIrcOptions = {}): Promise<FakeIrc> {
  const clients = new Set<Client>();
  const log: (Required<Pick<Spoken, "from" | "target" | "text" | "at" | "id">> & Spoken)[] = [];
  const [lines, odd, logins]: [string[], string[], string[]] = [[], [], []];
  const taken = new Set<string>();
  const said: { as: string; target: string; text: string }[] = [];
  const replies: (string | undefined)[] = [];
  const signs: { target: string; tags: Readonly<Record<string, string>> }[] = [];
  const changes = new EventTarget();
  let [isOpen, isHanging] = [true, false];
  let count = 0;
  const changed = () => changes.dispatchEvent(new Event("change"));
  const to = ({ socket }: Client, ...text: readonly string[]) => void socket.write(text.map((line) => `${line}\r\n`).join(""));
  const own = (nick: string) => `${nick}!~${nick}@assistant.test`;

  const shown = (client: Client, { from, target, text, account, at, id, tags }: (typeof log)[number], batch?: string): string => {
    const all = [
      ...(client.caps.has("server-time") ? [`time=${new Date(at).toISOString()}`] : []),
      ...(client.caps.has("message-tags") ? [`msgid=${id}`, ...(tags === undefined ? [] : [tags])] : []),
      ...(client.caps.has("account-tag") && account !== undefined ? [`account=${account}`] : []),
      ...(batch === undefined ? [] : [`batch=${batch}`]),
    ];
    return `${all.length === 0 ? "" : `@${all.join(";")} `}:${from} PRIVMSG ${target} :${text}`;
  };

  function letIn(client: Client): void {
    if (client.isIn || client.isNegotiating || client.nick === "") return;
    client.isIn = true;
    const { nick } = client;
    to(
      client,
      `:irc.test 001 ${nick} :Welcome`,
      `:irc.test 005 ${nick} CHANTYPES=# CASEMAPPING=ascii WHOX BOT=B${client.caps.has("draft/chathistory") ? ` CHATHISTORY=${page} MSGREFTYPES=${references}` : ""}${tagsDenied === undefined ? "" : ` CLIENTTAGDENY=${tagsDenied}`} :are supported`,
      `:irc.test 422 ${nick} :No MOTD`,
    );
  }

  function nick(client: Client, name: string): void {
    if (taken.has(name)) to(client, `:irc.test 433 ${client.nick || "*"} ${name} :Nickname is already in use`);
    else {
      if (client.isIn) to(client, `:${own(client.nick)} NICK :${name}`);
      client.nick = name;
    }
  }

  function authenticate(client: Client, word: string): void {
    if (sasl.includes(word)) {
      to(client, "AUTHENTICATE +");
      return;
    }
    if (word !== "+") client.proof += word;
    if (word.length === 400) return;
    const [, name = "", password = ""] = Buffer.from(client.proof, "base64").toString().split("\0");
    const hasShown = client.socket instanceof TLSSocket && client.socket.getPeerCertificate().subject !== undefined;
    const isExternal = client.proof === "" && hasShown;
    client.proof = "";
    if (!isExternal && (accounts[name] === undefined || accounts[name] !== password)) {
      to(client, `:irc.test 904 ${client.nick} :SASL authentication failed`);
      return;
    }
    logins.push(isExternal ? "EXTERNAL" : name);
    to(
      client,
      `:irc.test 900 ${client.nick} ${own(client.nick)} ${name} :You are now logged in`,
      `:irc.test 903 ${client.nick} :SASL authentication successful`,
    );
  }

  const nameOf = ({ from, target }: Spoken) => (target.startsWith("#") ? target : from.split("!", 1)[0]!);

  function history(client: Client, [kind = "", ...rest]: readonly string[]): void {
    const reference = `b${++count}`;
    const times = rest.flatMap((word) => (word.startsWith("timestamp=") ? [Date.parse(word.slice(10))] : []));
    const most = Math.min(page, Number(rest.at(-1)));
    const batch = (type: string, inside: readonly string[]) =>
      to(client, `:irc.test BATCH +${reference} ${type}`, ...inside, `:irc.test BATCH -${reference}`);
    if (kind === "TARGETS") {
      const latest = new Map(log.filter(({ at }) => at > times[0]! && at < times[1]!).map((one) => [nameOf(one), one.at]));
      const listed = [...latest].sort(([, one], [, other]) => one - other).slice(0, most);
      batch(
        "draft/chathistory-targets",
        listed.map(([name, at]) => `@batch=${reference} :irc.test CHATHISTORY TARGETS ${name} ${new Date(at).toISOString()}`),
      );
      return;
    }
    const [target = "", from = ""] = rest;
    const known = log.filter((one) => nameOf(one) === target);
    const place = from.startsWith("msgid=") ? known.findIndex(({ id }) => id === from.slice("msgid=".length)) : undefined;
    if (place !== undefined && (place < 0 || !references.includes("msgid"))) {
      to(client, `FAIL CHATHISTORY INVALID_MSGREFTYPE ${kind} ${target} :No such reference`);
      return;
    }
    const found = known.filter(({ at }, index) => (place === undefined ? at > times[0]! : index > place)).slice(0, most);
    batch(
      `chathistory ${target}`,
      found.map((one) => shown(client, one, reference)),
    );
  }

  /** As ZNC's module does it: buffer after buffer, and without a word when all is said. */
  function play(client: Client, [, , from = "0"]: readonly string[]): void {
    for (const name of new Set(log.map(nameOf))) {
      const reference = `p${++count}`;
      const isBatched = client.caps.has("batch");
      const found = log.filter((one) => nameOf(one) === name && one.at / 1000 > Number(from));
      if (isBatched) to(client, `:znc.in BATCH +${reference} znc.in/playback ${name}`);
      to(client, ...found.map((one) => shown(client, one, isBatched ? reference : undefined)));
      if (isBatched) to(client, `:znc.in BATCH -${reference}`);
    }
  }

  function take(client: Client, line: string): void {
    lines.push(line);
    if (++client.taken > most) return void client.socket.end("ERROR :Closing Link: assistant.test (Excess Flood)\r\n");
    const tagged = /^@(\S+) (.*)$/s.exec(line);
    const tags = Object.fromEntries((tagged?.[1] ?? "").split(";").flatMap((each) => (each === "" ? [] : [each.split(/=(.*)/s, 2)])));
    const rest = tagged?.[2] ?? line;
    if (tagged && !client.caps.has("message-tags")) odd.push(line);
    const [head = "", trailing] = rest.split(/ :(.*)/s);
    const [command = "", ...words] = head.split(" ");
    const params = trailing === undefined ? words : [...words, trailing];
    if (Buffer.byteLength(rest) > 510) {
      odd.push(line);
      to(client, `:irc.test 417 ${client.nick} :Input line was too long`);
      return;
    }
    switch (command) {
      case "CAP":
        if (params[0] === "LS") {
          client.isNegotiating = true;
          const offered = [...caps, ...(sasl.length > 0 ? [`sasl=${sasl.join(",")}`] : [])];
          // In two lines, as servers that have many do.
          to(client, `:irc.test CAP * LS * :${offered.slice(0, 2).join(" ")}`, `:irc.test CAP * LS :${offered.slice(2).join(" ")}`);
        } else if (params[0] === "REQ") {
          for (const cap of (params[1] ?? "").split(" ")) client.caps.add(cap);
          to(client, `:irc.test CAP * ACK :${params[1]}`);
        } else client.isNegotiating = false;
        break;
      case "AUTHENTICATE":
        authenticate(client, params[0] ?? "");
        break;
      case "NICK":
        nick(client, params[0] ?? "");
        break;
      case "JOIN":
        to(
          client,
          `:${own(client.nick)} JOIN ${params[0]}${client.caps.has("extended-join") ? " * :Pincer" : ""}`,
          `:irc.test 366 ${client.nick} ${params[0]} :End of NAMES`,
        );
        break;
      case "PING":
        if (!isHanging) to(client, `:irc.test PONG irc.test :${params[0]}`);
        break;
      case "CHATHISTORY":
        history(client, params);
        break;
      case "PRIVMSG": {
        const [target = "", text = ""] = params;
        if (isBouncer && target === "*playback") play(client, text.split(" "));
        else if (target === "nobody") to(client, `:irc.test 401 ${client.nick} nobody :No such nick/channel`);
        else {
          said.push({ as: client.nick, target, text });
          replies.push(tags["+draft/reply"]);
          if (client.caps.has("echo-message") && !isHanging)
            to(client, `@msgid=own${said.length} :${own(client.nick)} PRIVMSG ${target} :${text}`);
        }
        break;
      }
      case "TAGMSG":
        signs.push({ target: params[0] ?? "", tags });
        break;
      case "QUIT":
        client.socket.end();
        break;
      case "USER":
      case "PASS":
      case "PONG":
      case "MODE":
      case "WHO":
        break;
      default:
        odd.push(line);
        to(client, `:irc.test 421 ${client.nick} ${command} :Unknown command`);
    }
    letIn(client);
  }

  const serve = (socket: Socket) => {
    socket.on("error", () => undefined);
    if (!isOpen) return void socket.destroy();
    const client: Client = { socket, caps: new Set(), nick: "", isIn: false, isNegotiating: false, proof: "", taken: 0 };
    clients.add(client);
    let rest = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      const parts = (rest + text).split("\r\n");
      rest = parts.pop() ?? "";
      for (const line of parts) take(client, line);
      changed();
    });
    socket.on("close", () => {
      clients.delete(client);
      changed();
    });
  };
  const server = tls ? createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const where = server.address();

  return {
    address: `127.0.0.1:${typeof where === "object" ? where?.port : 0}`,
    ...{ said, replies, signs, lines, odd, logins, taken },
    async until(holds) {
      while (!holds()) await new Promise((resolve) => changes.addEventListener("change", resolve, { once: true }));
    },
    speak(spoken) {
      const entry = { ...spoken, at: spoken.at ?? now(), id: spoken.id ?? `id${++count}` };
      log.push(entry);
      const line = (client: Client) => Array<string>(twice ? 2 : 1).fill(shown(client, entry));
      for (const client of clients) if (client.isIn) to(client, ...line(client));
      return entry.id;
    },
    send(...text) {
      for (const client of clients) to(client, ...text);
    },
    raw(bytes) {
      for (const { socket } of clients) socket.write(bytes);
    },
    hang() {
      isHanging = true;
    },
    disconnect(last) {
      isOpen = false;
      for (const { socket } of clients) {
        if (last !== undefined) socket.write(`ERROR :${last}\r\n`);
        socket.end();
      }
    },
    connect() {
      isOpen = true;
      isHanging = false;
    },
    look() {
      for (const client of clients) client.taken = 0;
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of clients) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
