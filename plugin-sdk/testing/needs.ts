/** Tests that need more than Bun. Where it is missing they are skipped and say so; where PINCER_TEST_REQUIRE names it they fail. */
import { test } from "bun:test";

const parts = {
  chromium: { commands: ["chromium", "chromium-browser", "google-chrome"], install: "apt-get install chromium" },
  docker: { commands: ["docker"], install: "apt-get install docker.io" },
  bubblewrap: { commands: ["bwrap"], install: "apt-get install bubblewrap" },
  tmux: { commands: ["tmux"], install: "apt-get install tmux" },
  bash: { commands: ["bash"], install: "apt-get install bash" },
  ngircd: { commands: ["ngircd"], install: "apt-get install ngircd" },
  dovecot: { commands: ["dovecot", "/usr/sbin/dovecot"], install: "apt-get install dovecot-imapd" },
  postfix: { commands: ["postfix", "/usr/sbin/postfix"], install: "apt-get install postfix" },
  jq: { commands: ["jq"], install: "apt-get install jq" },
  journal: { commands: ["journalctl"], install: "apt-get install systemd" },
  node: { commands: ["node"], install: "https://nodejs.org" },
  npm: { commands: ["npm"], install: "https://nodejs.org" },
  python: { commands: ["python3"], install: "apt-get install python3" },
} as const;
type Part = keyof typeof parts;

/** The first command of the part that is on PATH. */
export const commandOf = (part: Part): string | undefined => parts[part].commands.map((name) => Bun.which(name) ?? undefined).find(Boolean);

const required = new Set((process.env["PINCER_TEST_REQUIRE"] ?? "").split(","));

type Body = () => void | Promise<void>;
/** Declares a test, as `test` of `bun:test`. */
export type Declare = (title: string, body: Body, timeoutMs?: number) => void;

/** As `test`, unless something is amiss with that part of the machine: `reason` says what, and how to mend it. */
export const testUnless =
  (part: Part, reason: string | undefined): Declare =>
  (title, body, timeoutMs) => {
    if (reason === undefined) test(title, body, timeoutMs);
    else if (!required.has(part)) test.skip(`${title} [needs ${part}: ${reason}]`, body);
    else
      test(title, () => {
        throw new Error(`PINCER_TEST_REQUIRE names ${part}, which this machine does not have: ${reason}`);
      });
  };

/** As `test`, for a machine that has all of the parts. */
export const testWith = (...needed: readonly Part[]): Declare => {
  const missing = needed.find((part) => commandOf(part) === undefined);
  return missing ? testUnless(missing, parts[missing].install) : test;
};
