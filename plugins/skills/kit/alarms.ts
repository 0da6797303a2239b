/**
 * Text for which a scanner stops: what takes the user's word away from the agent, hides something, hands the machine over, or gives secrets away.
 * Each is said to the author before anybody else sees it. A skill can need what looks like one of them; then the reason belongs beside it.
 */
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import type { SkillFile } from "./files.ts";

type Severity = "high" | "medium";

export interface Alarm {
  /** Of the rule, for good. */
  readonly rule: string;
  readonly severity: Severity;
  readonly file: string;
  readonly line: number;
  readonly sentence: string;
}

interface Rule {
  readonly rule: string;
  readonly severity: Severity;
  readonly pattern: RegExp;
  readonly sentence: string;
}

const rules: readonly Rule[] = [
  {
    rule: "overrides-instructions",
    severity: "high",
    pattern:
      /\b(ignore|disregard|forget|override)\b[^.:;!?]{0,30}\b(previous|prior|above|earlier|other|all|system|safety)\b[^.:;!?]{0,20}\b(instructions?|rules?|prompts?|guidelines?)\b/i,
    sentence: "it asks the agent to set other instructions aside",
  },
  {
    rule: "hides-from-user",
    severity: "high",
    pattern:
      /\b(do not|don't|never|without)\b[^.:;!?]{0,20}\b(tell|telling|inform|informing|mention|mentioning|show|showing|notify|notifying|asking|ask)\b[^.:;!?]{0,15}\b(the )?(user|owner|human)\b/i,
    sentence: "it asks the agent to keep something from the user, or to act without asking",
  },
  {
    rule: "runs-what-it-fetches",
    severity: "high",
    pattern:
      /\b(curl|wget|fetch)\b[^\n|;]*\|\s*(sudo\s+)?(ba|z|da)?sh\b|\b(curl|wget)\b[^\n|;]*\|\s*(sudo\s+)?(python3?|node|bun|perl|ruby)\b|\beval\b[^\n]*\$\((curl|wget)/,
    sentence: "it runs what a server sends, unseen",
  },
  {
    rule: "runs-what-is-encoded",
    severity: "high",
    pattern: /\bbase64\b[^\n|]*(-d|-D|--decode)\b[^\n]*\|\s*(ba|z|da)?sh\b|\beval\b[^\n]*\b(base64|atob)\b/,
    sentence: "it runs text that nobody can read before it is decoded",
  },
  {
    rule: "reads-keys",
    severity: "high",
    pattern:
      /(~|\$HOME|\/root|\/home\/\w+)\/\.(ssh|aws|gnupg|netrc|kube|docker\/config|config\/gcloud|npmrc|pypirc|git-credentials)\b|\bid_(rsa|ed25519)\b|\/etc\/shadow\b|Login Data\b|cookies\.sqlite/,
    sentence: "it names files in which people keep their keys",
  },
  {
    rule: "sends-environment",
    severity: "high",
    pattern:
      /\b(printenv|env|set|export -p)\b\s*\|[^\n]*\b(curl|wget|nc|ncat)\b|\b(curl|wget)\b[^\n]*(\$\((env|printenv)\)|@\/proc\/self\/environ)/,
    sentence: "it sends the environment, in which secrets stand, elsewhere",
  },
  {
    rule: "drop-address",
    severity: "high",
    pattern:
      /\b(webhook\.site|requestbin|pipedream\.net|ngrok(-free)?\.(io|app)|burpcollaborator|interact\.sh|oast\.(fun|pro|live|me)|transfer\.sh|pastebin\.com)\b/i,
    sentence: "it names a place where things are dropped for somebody whom nobody knows",
  },
  {
    rule: "destroys",
    severity: "high",
    pattern:
      /\brm\s+(-\w+\s+)*-?\w*[rf]\w*\s+(--no-preserve-root\s+)?(\/|~|\$HOME|"\$HOME"|\/\*)(\s|$)|\bmkfs\b|\bdd\b[^\n]*\bof=\/dev\/(sd|nvme|disk)|:\(\)\s*\{\s*:\|:&\s*\};:/,
    sentence: "it destroys more than anybody can mean",
  },
  {
    rule: "holds-secret",
    severity: "high",
    pattern:
      /-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35})/,
    sentence: "there is a key in it, which everybody who has the skill has too",
  },
  {
    rule: "as-root",
    severity: "medium",
    pattern: /^\s*(\$ )?sudo\s|&&\s*sudo\s/,
    sentence: "it wants to be root: say why, and let the user do that part",
  },
  {
    rule: "skips-checks",
    severity: "medium",
    pattern: /\bcurl\b[^\n]*\s(-k|--insecure)\b|\bNODE_TLS_REJECT_UNAUTHORIZED\b|--no-verify-ssl|\bchmod\s+(-R\s+)?0?777\b/,
    sentence: "it turns a protection off",
  },
  {
    rule: "address-without-name",
    severity: "medium",
    pattern: /\bhttps?:\/\/(?!127\.|10\.|192\.168\.|0\.0\.0\.0)\d{1,3}(\.\d{1,3}){3}\b/,
    sentence: "it calls a machine by its number: nobody can tell whose that is",
  },
  {
    rule: "unreadable-text",
    severity: "medium",
    pattern: /[A-Za-z0-9+/]{240,}={0,2}/,
    sentence: "there is a long text that no reader can understand",
  },
];

/** Every rule, with how much it weighs. */
export const alarmRules: ReadonlyMap<string, Severity> = new Map([
  ...rules.map(({ rule, severity }) => [rule, severity] as const),
  ["invisible-text", "high"],
  ["hidden-comment", "medium"],
]);

/** The longest line that is looked through; nobody reads longer ones either, which is said. */
const longestLine = 20_000;

export function alarmsIn({ path, text }: SkillFile): readonly Alarm[] {
  if (text === undefined) return [];
  const alarm = (rule: string, severity: Severity, line: number, sentence: string): Alarm => ({
    rule,
    severity,
    file: path,
    line,
    sentence,
  });
  const found = text.split(/\r\n|\r|\n/).flatMap((line, at) => {
    if (line.length > longestLine)
      return [alarm("unreadable-text", "medium", at + 1, `the line has ${line.length} characters: nobody reads that`)];
    const hidden = at === 0 ? line.replace(/^\ufeff/, "") : line;
    return [
      ...rules.filter(({ pattern }) => pattern.test(line)).map(({ rule, severity, sentence }) => alarm(rule, severity, at + 1, sentence)),
      ...(visibleText(hidden) === hidden
        ? []
        : [alarm("invisible-text", "high", at + 1, "there are characters in it that a reader does not see, and a model does")]),
    ];
  });
  const comment = /\.md$/i.test(path) ? /<!--([\s\S]*?)(?:-->|$)/.exec(text) : null;
  if (comment === null || comment[1]!.trim().split(/\s+/).length < 4) return found;
  const line = text.slice(0, comment.index).split("\n").length;
  return [
    ...found,
    alarm("hidden-comment", "medium", line, "a comment is not shown to people who read the page, and is read by the model"),
  ];
}
