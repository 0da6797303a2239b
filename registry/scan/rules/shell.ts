/** Commands in skills' scripts and pages, which an agent is told to run. */
import type { Severity } from "../severity.ts";
import { excerpt, found, type Rule } from "../subject.ts";

const commands: readonly (readonly [pattern: RegExp, rule: string, severity: Severity, sentence: string])[] = [
  [
    /\b(?:curl|wget)\b[^\n|;]{0,300}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\b(?:ba|z)?sh\s+-c\s+["']?\$\((?:curl|wget)|\b(?:ba|z)?sh\s+<\(\s*(?:curl|wget)/g,
    "pipes-to-shell",
    "medium",
    "it runs whatever an address answers with",
  ],
  [
    /\bbase64\s+(?:-d|--decode|-D)\b[^\n]{0,300}\|\s*(?:sudo\s+)?(?:(?:ba|z)?sh|python3?|perl|node|bun)\b/g,
    "hidden-command",
    "high",
    "it runs a command that is hidden in base64",
  ],
  [
    /\/dev\/tcp\/|\bn(?:et)?cat?\b[^\n]{0,300}\s-(?:e|c)\s|\bsocat\b[^\n]{0,300}\bexec:/gi,
    "reverse-shell",
    "high",
    "it gives somebody elsewhere a shell on this machine",
  ],
  [
    /\brm\s+-[a-z]{0,6}r[a-z]{0,6}\s+(?:--no-preserve-root\s+)?(?:\/|~|\$HOME|"\$HOME")\/?\*?(?:\s|$|["'`;])|\bmkfs(?:\.\w+)?\s+\/dev\/|\bdd\b[^\n]{0,300}\bof=\/dev\/(?:sd|nvme|hd|vd)/g,
    "destroys-files",
    "high",
    "it deletes everything",
  ],
  [
    />>?\s*~?\/?[^\s]{0,200}(?:\.ssh\/authorized_keys|\.bashrc|\.zshrc|\.profile|\.bash_profile|\/etc\/(?:cron|sudoers|profile))|\bcrontab\s+-(?!l)|\blaunchctl\s+load\b|\bsystemctl\s+(?:--user\s+)?enable\b/g,
    "stays-behind",
    "medium",
    "it leaves something that runs later",
  ],
  [
    /\b(?:curl|wget|nc|scp|rsync)\b[^\n]{0,300}(?:~\/\.ssh|\.aws\/credentials|\.netrc|id_rsa|id_ed25519|\.gnupg|\/etc\/shadow|\$\(\s*(?:env|printenv)\b|`env`|\.pincer\b|login\.keychain|\.env\b)/g,
    "sends-data-away",
    "high",
    "it sends keys or the environment away",
  ],
  [
    /\b(?:env|printenv|cat\s+[^\n|]{0,100}(?:\.ssh\/|\.aws\/|\.netrc|\.env\b|\/etc\/shadow)[^\n|]{0,100})\s*\|[^\n]{0,300}\b(?:curl|wget|nc|ncat)\b/g,
    "sends-data-away",
    "high",
    "it sends keys or the environment away",
  ],
  [
    /\bexec\s*\(\s*(?:base64\.b64decode|zlib\.decompress|bytes\.fromhex|codecs\.decode|requests\.get|urllib\.request\.urlopen)|\beval\s*\(\s*(?:base64|compile|requests|urllib)/g,
    "hidden-command",
    "high",
    "it runs code that it decodes or fetches first",
  ],
  [
    /\b(?:chmod\s+(?:-R\s+)?(?:0?777|[ugo+]*s)\b|xattr\s+-[rd]+\s+com\.apple\.quarantine|spctl\s+--master-disable|setenforce\s+0|ufw\s+disable|csrutil\s+disable)/g,
    "lowers-guard",
    "medium",
    "it turns off what guards the machine",
  ],
];

const read = /\.(md|mdx|markdown|sh|bash|zsh|ps1|py|rb|pl|txt|ya?ml)$|(^|\/)(Makefile|Dockerfile)$/i;

export const shellCommands: Rule = function* ({ files }) {
  for (const file of files) {
    if (file.text === undefined || !(read.test(file.path) || file.text.startsWith("#!"))) continue;
    // A command that goes on in the next line is one.
    const text = file.text.replace(/\\\n/g, "  ");
    for (const [pattern, rule, severity, sentence] of commands)
      for (const match of text.matchAll(pattern))
        yield found(rule, severity, file, file.line(match.index), `${sentence}: ${excerpt(match[0])}`);
  }
};
