/** Keys that somebody has published by mistake. What was found is never shown, only of which kind it is. */
import { found, type Rule } from "../subject.ts";

const forms: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20,}/g, "a private key"],
  [/\bAKIA[0-9A-Z]{16}\b/g, "an access key of AWS"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{50,}\b/g, "a token of GitHub"],
  [/\bglpat-[A-Za-z0-9_-]{20,}\b/g, "a token of GitLab"],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{20,}\b|\bxapp-\d-[A-Za-z0-9-]{20,}\b/g, "a token of Slack"],
  [/\bhooks\.slack\.com\/services\/T[A-Z0-9]{6,}\/B[A-Z0-9]{6,}\/[A-Za-z0-9]{20,}/g, "a webhook of Slack"],
  [/\bsk-ant-[A-Za-z0-9_-]{32,}\b/g, "a key of Anthropic"],
  [/\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{40,}\b/g, "a key of OpenAI"],
  [/\bAIza[0-9A-Za-z_-]{35}\b/g, "a key of Google"],
  [/\b(?:sk|rk)_live_[A-Za-z0-9]{20,}\b/g, "a key of Stripe"],
  [/\bnpm_[A-Za-z0-9]{36}\b/g, "a token of npm"],
  [/\bhf_[A-Za-z0-9]{34,}\b/g, "a token of Hugging Face"],
  [/\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/g, "a token of a bot on Telegram"],
  [/\b[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,38}\b/g, "a token of a bot on Discord"],
  [/\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b/g, "a key of SendGrid"],
  [/\bpincer_reg_[A-Za-z0-9_-]{43}\b/g, "a token of a registry of Pincer's"],
  [
    /\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqp):\/\/[^\s:@/"'`]+:[^\s:@/"'`$]{6,}@(?!localhost|127\.|example)[\w.-]+/g,
    "a password in an address of a database",
  ],
];

export const secrets: Rule = function* ({ files }) {
  for (const file of files) {
    const seen = new Set<number>();
    for (const [pattern, what] of forms)
      for (const match of file.text?.matchAll(pattern) ?? []) {
        const line = file.line(match.index);
        if (seen.has(line) || isPlaceholder(match[0])) continue;
        seen.add(line);
        yield found("secret", "high", file, line, `it holds ${what}: whoever can read the package has it, so it must be made anew`);
      }
  }
};

/** As documentation writes them. */
const isPlaceholder = (text: string): boolean =>
  /example|placeholder|your|dummy|fake|sample|redacted|changeme|password@|user:pass/i.test(text) ||
  /(.)\1{5,}/.test(text) ||
  /0123456789|abcdefghij|1234567890/i.test(text);
