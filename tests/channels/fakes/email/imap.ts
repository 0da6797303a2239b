/**
 * An IMAP server for one account: what of RFC 3501 a client needs that reads new mails, keeps sent ones and waits, with IDLE (RFC 2177), MOVE (RFC 6851)
 * and SPECIAL-USE (RFC 6154). It speaks without encryption, and notes what it does not understand.
 */
import type { Client, Listener } from "./lines.ts";
import type { Folder, Stored, World } from "./world.ts";

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
const unquoted = (word = ""): string => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word);
const words = (text: string): string[] => text.match(/"(?:[^"\\]|\\.)*"|\([^)]*\)|\S+/g) ?? [];

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** RFC 3501's date-time. */
const dateTime = (at: number): string => {
  const [day, time] = new Date(at).toISOString().split(/[T.]/);
  const [year, month, date] = day!.split("-");
  return `${date}-${MONTHS[Number(month) - 1]}-${year} ${time} +0000`;
};

function numbersIn(set: string, mails: readonly Stored[]): (uid: number) => boolean {
  const last = mails.at(-1)?.uid ?? 0;
  const ranges = set.split(",").map((range) => {
    const [from = 0, to = from] = range.split(":").map((word) => (word === "*" ? last : Number(word)));
    return [Math.min(from, to), Math.max(from, to)] as const;
  });
  return (uid) => ranges.some(([from, to]) => uid >= from && uid <= to);
}

function matches(criteria: string, mails: readonly Stored[]): Stored[] {
  const [, set] = /UID ([\d:*,]+)/.exec(criteria) ?? [];
  const [, name, value] = /HEADER (\S+) (\S+)/i.exec(criteria) ?? [];
  const [, since] = /SINCE (\S+)/.exec(criteria) ?? [];
  const header = (text: string) => text.slice(0, text.indexOf("\r\n\r\n")).replace(/\r\n(?=[ \t])/g, "");
  return mails.filter(
    ({ uid, text, at }) =>
      (set === undefined || numbersIn(set, mails)(uid)) &&
      (since === undefined || at >= Date.parse(`${since.replaceAll("-", " ")} UTC`)) &&
      (name === undefined || new RegExp(`^${unquoted(name)}:.*`, "im").exec(header(text))?.[0].includes(unquoted(value)) === true),
  );
}

export function serveImap(world: World, odd: string[], client: Client): Listener {
  let open: Folder | undefined;
  let isIn = false;
  let idling: string | undefined;
  let told = 0;

  const tell = () => {
    if (!open || open.mails.length === told) return;
    told = open.mails.length;
    client.write(`* ${told} EXISTS\r\n`);
  };
  const onChange = () => {
    if (idling !== undefined) tell();
  };
  world.changes.addEventListener("change", onChange);
  const capability = () => `IMAP4rev1 UIDPLUS MOVE SPECIAL-USE LITERAL+${world.idles ? " IDLE" : ""}`;

  /** `isByPlace`: the numbers are places in the folder. */
  function fetched(set: string, what: string, folder: Folder, isByPlace = false): void {
    const isWanted = isByPlace ? (place: number) => place === Number(set) : numbersIn(set, folder.mails);
    for (const [index, { uid, text, at, flags }] of folder.mails.entries()) {
      if (!isWanted(isByPlace ? index + 1 : uid)) continue;
      const [, start, length] = /BODY\.PEEK\[\]<(\d+)\.(\d+)>/.exec(what) ?? [];
      const part = start === undefined ? text : text.slice(Number(start), Number(start) + Number(length));
      const items = [`UID ${uid}`, `RFC822.SIZE ${text.length}`, `INTERNALDATE ${quoted(dateTime(at))}`, `FLAGS (${[...flags].join(" ")})`];
      const body = /BODY\.PEEK\[\]/.test(what) ? ` BODY[]${start === undefined ? "" : `<${start}>`} {${part.length}}\r\n${part}` : "";
      client.write(`* ${index + 1} FETCH (${items.join(" ")}${body})\r\n`);
    }
  }

  function moved(set: string, to: string, tag: string, folder: Folder): void {
    const target = world.folders.get(to);
    if (!target) return void client.write(`${tag} NO [TRYCREATE] no such folder\r\n`);
    const isWanted = numbersIn(set, folder.mails);
    for (let index = folder.mails.length - 1; index >= 0; index--) {
      const mail = folder.mails[index]!;
      if (!isWanted(mail.uid)) continue;
      folder.mails.splice(index, 1);
      world.store(to, mail.text, mail.at);
      client.write(`* ${index + 1} EXPUNGE\r\n`);
    }
    told = folder.mails.length;
    client.write(`${tag} OK moved\r\n`);
  }

  function selected(tag: string, name: string, isReadOnly: boolean): void {
    const folder = world.folders.get(name);
    if (!folder) return void client.write(`${tag} NO [NONEXISTENT] no such folder\r\n`);
    open = folder;
    told = folder.mails.length;
    client.write(
      `* ${told} EXISTS\r\n* FLAGS (\\Seen \\Answered)\r\n* OK [PERMANENTFLAGS (\\Seen \\Answered \\*)] flags\r\n* OK [UIDVALIDITY ${folder.validity}] valid\r\n* OK [UIDNEXT ${folder.next}] next\r\n${tag} OK [${isReadOnly ? "READ-ONLY" : "READ-WRITE"}] done\r\n`,
    );
  }

  function obey(tag: string, command: string, rest: string): void {
    const ok = (text = "done") => client.write(`${tag} OK ${text}\r\n`);
    const parts = words(rest);
    if (!isIn && !/^(CAPABILITY|LOGIN|LOGOUT|ID|NOOP)$/.test(command)) return void client.write(`${tag} BAD log in first\r\n`);
    switch (command) {
      case "CAPABILITY":
        client.write(`* CAPABILITY ${capability()}\r\n`);
        return void ok();
      case "LOGIN":
        isIn = unquoted(parts[0]) === world.user && unquoted(parts[1]) === world.password;
        return void client.write(
          isIn ? `${tag} OK [CAPABILITY ${capability()}] in\r\n` : `${tag} NO [AUTHENTICATIONFAILED] wrong password\r\n`,
        );
      case "LIST":
      case "LSUB":
        // Asks for the sign between folders alone.
        if (unquoted(parts[1]) === "") {
          client.write(`* ${command} (\\Noselect) "/" ""\r\n`);
          return void ok();
        }
        for (const name of world.folders.keys()) client.write(`* ${command} (${name === "Sent" ? "\\Sent" : ""}) "/" ${quoted(name)}\r\n`);
        return void ok();
      case "SELECT":
      case "EXAMINE":
        return void selected(tag, unquoted(parts[0]), command === "EXAMINE");
      case "UID SEARCH":
        tell();
        client.write(
          `* SEARCH${matches(rest, open?.mails ?? [])
            .map(({ uid }) => ` ${uid}`)
            .join("")}\r\n`,
        );
        return void ok();
      case "UID FETCH":
        if (open) fetched(parts[0] ?? "", rest, open);
        return void ok();
      case "FETCH":
        if (open) fetched(parts[0] ?? "", rest, open, true);
        return void ok();
      case "UID STORE":
        for (const mail of open?.mails ?? [])
          if (numbersIn(parts[0] ?? "", open!.mails)(mail.uid)) for (const flag of rest.match(/\\\w+/g) ?? []) mail.flags.add(flag);
        world.changed();
        return void ok();
      case "UID MOVE":
        if (open) moved(parts[0] ?? "", unquoted(parts[1]), tag, open);
        return;
      case "APPEND": {
        const [, count = "0", plus] = /\{(\d+)(\+?)\}$/.exec(rest) ?? [];
        if (plus === "") client.write("+ go on\r\n");
        const folder = unquoted(parts[0]);
        return void client.bytes(Number(count) + 2, (text) => {
          if (!world.folders.has(folder)) return void client.write(`${tag} NO [TRYCREATE] no such folder\r\n`);
          const { uid } = world.store(folder, text.slice(0, -2));
          ok(`[APPENDUID ${world.folders.get(folder)!.validity} ${uid}] kept`);
        });
      }
      case "IDLE":
        idling = tag;
        world.idling.add(client);
        world.changed();
        client.write("+ waiting\r\n");
        return void tell();
      case "NOOP":
      case "CLOSE":
      case "ID":
        tell();
        return void ok();
      case "LOGOUT":
        return void client.end(`* BYE\r\n${tag} OK out\r\n`);
      default:
        odd.push(`${command} ${rest}`);
        return void client.write(`${tag} BAD what is ${command}?\r\n`);
    }
  }

  client.write(`* OK [CAPABILITY ${capability()}] imap.test\r\n`);
  return {
    line(text) {
      if (idling !== undefined && text.toUpperCase() === "DONE") {
        client.write(`${idling} OK done\r\n`);
        idling = undefined;
        world.idling.delete(client);
        return;
      }
      const [, tag = "*", command = "", rest = ""] = /^(\S+) ((?:UID )?\S+) ?(.*)$/is.exec(text) ?? [];
      obey(tag, command.toUpperCase(), rest);
    },
    closed() {
      world.idling.delete(client);
      world.changes.removeEventListener("change", onChange);
    },
  };
}
