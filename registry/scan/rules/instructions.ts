/** Text that would instruct a model: it reads what tools and skills say of themselves, and believes it as it believes its user. */
import type { Severity } from "../severity.ts";
import { excerpt, found, type Rule, type ScannedFile, type Subject } from "../subject.ts";
import { decodedIn } from "./obfuscation.ts";

interface Phrase {
  readonly rule: string;
  readonly severity: Severity;
  readonly pattern: RegExp;
  readonly sentence: string;
}

const valuables =
  "(?:conversations?|chat history|messages|api[ _-]?keys?|(?:access |auth |session )?tokens?|secrets?|passwords?|credentials?|environment variables?|env vars?|\\.env|private keys?|ssh keys?|cookies|wallet|seed phrases?|system prompt|memory file|mailbox|contacts)";

const phrases: readonly Phrase[] = [
  {
    rule: "overrides-instructions",
    severity: "high",
    pattern:
      /\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,30}\b(?:previous|prior|above|earlier|preceding|existing|original|your|system|all(?: of)?(?: the)? other)\b[^.\n]{0,20}\b(?:instructions?|prompts?|rules|guidelines|directives|constraints|context)\b/g,
    sentence: "it tells the model to set aside what it was told",
  },
  {
    rule: "overrides-instructions",
    severity: "high",
    pattern:
      /\b(?:ignoriere|vergiss|missachte)\b[^.\n]{0,40}\banweisungen\b|\b(?:ignora|olvida)\b[^.\n]{0,40}\binstrucciones\b|\b(?:ignore[zr]?|oublie[zr]?)\b[^.\n]{0,40}\b(?:instructions|consignes) (?:précédentes|antérieures)|\bignora\b[^.\n]{0,40}\bistruzioni\b|(?:忽略|无视)[^。\n]{0,12}(?:指令|指示|提示)|игнорируй[^.\n]{0,40}инструкци|以前の指示を無視/g,
    sentence: "it tells the model to set aside what it was told",
  },
  {
    rule: "hides-from-user",
    severity: "high",
    pattern:
      /\b(?:do not|don't|never|must not|without)\s+(?:ever\s+)?(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?|reveal(?:ing)?|notify(?:ing)?|alert(?:ing)?|disclos(?:e|ing)|warn(?:ing)?|show(?:ing)?)\b[^.\n]{0,40}\b(?:the |your )?(?:user|owner|human|operator)\b/g,
    sentence: "it tells the model to keep something from its user",
  },
  {
    rule: "hides-from-user",
    severity: "high",
    pattern:
      /\b(?:hidden|secret|invisible|unnoticed) (?:from|by) (?:the|your) (?:user|owner|human|operator)\b|\bkeep (?:this|it|that) (?:secret|hidden|quiet) from\b|\bthe user (?:must|should) (?:not|never) (?:know|see|notice|find out)\b/g,
    sentence: "it tells the model to keep something from its user",
  },
  {
    rule: "poses-as-system",
    severity: "high",
    pattern:
      /<\|(?:im_start|im_end|system|endoftext|start_header_id)\|>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:system|system-reminder|system_prompt|tool_result|function_results|developer)>|^[ \t]{0,8}(?:#{1,4} *)?\[?(?:system|developer)(?: message| prompt| note| override)?\]?\s*:\s*(?=\S)/gim,
    sentence: "it poses as a message of the system",
  },
  {
    rule: "sends-data-away",
    severity: "high",
    pattern: new RegExp(
      `\\b(?:send|post|upload|forward|transmit|exfiltrate|leak|e-?mail|submit|append|include|copy)\\b[^.\\n]{0,60}\\b${valuables}\\b[^.\\n]{0,60}(?:\\b(?:to|as|into|in)\\b[^.\\n]{0,30}(?:https?://|[\\w.+-]+@[\\w-]+\\.\\w+|\\bwebhook\\b|\\bendpoint\\b|\\b(?:our|this|my|the following) (?:server|url|address)\\b|\\b(?:query|url) parameter\\b))`,
      "g",
    ),
    sentence: "it tells the model to send keys, or what was said, to somebody",
  },
  {
    rule: "sends-data-away",
    severity: "high",
    pattern:
      /\b(?:read|cat|open|print|include|collect|list)\b[^.\n]{0,40}(?:~\/\.ssh|\.aws\/credentials|id_rsa|id_ed25519|\.env\b|\/etc\/(?:passwd|shadow)|\.netrc|keychain|browser cookies)[^.\n]{0,80}\b(?:and|then)\b[^.\n]{0,40}\b(?:send|post|upload|include|pass|append|curl|paste)\b/g,
    sentence: "it tells the model to read keys of its user and hand them on",
  },
  {
    rule: "sends-data-away",
    severity: "high",
    pattern: /!\[[^\]\n]{0,100}\]\(https?:\/\/[^)\s]{0,300}(?:\{\{?|<|\$\{|%7b)/g,
    sentence: "it has the model show a picture whose address carries what was said away",
  },
  {
    rule: "skips-approval",
    severity: "high",
    pattern:
      /\b(?:bypass|disable|turn off|skip|circumvent|evade)\b[^.\n]{0,30}\b(?:approvals?|sandbox|safety (?:checks?|filters?|guidelines?)|guardrails?|permission (?:checks?|prompts?)|content filters?)\b/g,
    sentence: "it tells the model to go around what holds it",
  },
  {
    rule: "skips-approval",
    severity: "medium",
    pattern:
      /\bwithout (?:asking|waiting for|requiring|seeking)\b[^.\n]{0,25}\b(?:confirmation|approval|permission|consent|the user)\b|\balways (?:approve|accept|allow) (?:all|any|every)\b/g,
    sentence: "it tells the model to do things without asking",
  },
  {
    rule: "claims-precedence",
    severity: "medium",
    pattern:
      /\b(?:before|instead of) (?:using|calling|invoking|running) (?:any|all|every|other|another)(?: other)? tools?\b|\b(?:must|always) (?:call|use|invoke|run) this (?:tool|skill)\b[^.\n]{0,20}\b(?:first|before|every|each|regardless)\b|\bthis (?:tool|skill) (?:takes precedence|has priority|overrides|supersedes)\b/g,
    sentence: "it wants to be used before or instead of other tools, whatever was asked",
  },
  {
    rule: "changes-role",
    severity: "high",
    pattern:
      /\b(?:you are|you're|act as|pretend to be|enter|switch to)\b[^.\n]{0,20}\b(?:DAN\b|jailbr\w+|unrestricted|unfiltered|developer mode|god mode|no longer (?:bound|an? assistant))/gi,
    sentence: "it wants the model to be another one, without rules",
  },
  {
    rule: "writes-memory",
    severity: "medium",
    pattern:
      /\b(?:append|add|write|save|insert)\b[^.\n]{0,40}\b(?:to|into|in)\b[^.\n]{0,15}\b(?:AGENTS\.md|CLAUDE\.md|SOUL\.md|MEMORY\.md|IDENTITY\.md|the system prompt|your (?:long-term )?memory)\b/gi,
    sentence: "it has the model change what it is told in every conversation",
  },
];

/** What a model reads: pages, and what a manifest says of tools and commands. Code is read by nobody but the machine. */
function* readByModels({ files, scripts }: Subject): Generator<readonly [file: ScannedFile, text: string, at: number]> {
  for (const file of files) {
    if (file.text === undefined) continue;
    if (/\.(md|mdx|markdown|txt|prompt|ya?ml|html?)$/i.test(file.path) || /(^|\/)plugin\.json$/.test(file.path)) yield [file, file.text, 0];
  }
  for (const script of scripts)
    for (const { value, at } of script.lexed.texts) if (value.length >= 20 && /\s/.test(value)) yield [script, value, at];
}

export const instructions: Rule = function* (subject) {
  for (const [file, text, from] of readByModels(subject)) {
    const isWhole = from === 0 && text === file.text;
    const plain = plainly(text);
    for (const { rule, severity, pattern, sentence } of phrases) {
      const match = plain.matchAll(pattern).find(({ index, 0: all }) => !isForbidden(plain, index, all));
      if (!match) continue;
      const line = file.line(isWhole ? placeOf(text, plain, match.index) : from);
      yield found(rule, isQuoted(plain, match.index) ? "medium" : severity, file, line, `${sentence}: "${excerpt(match[0])}"`);
    }
    if (!isWhole) continue;
    for (const [comment, at] of commentsIn(text))
      if (/\b(?:assistant|agents?|model|ai|llm|you (?:must|should|are|will)|instructions?)\b/i.test(comment))
        yield found(
          "hidden-comment",
          "medium",
          file,
          file.line(at),
          `it speaks to the model in a comment that people do not see: "${excerpt(comment)}"`,
        );
    const unseen =
      /style\s*=\s*["'][^"']{0,300}(?:display\s*:\s*none|font-size\s*:\s*0|opacity\s*:\s*0|visibility\s*:\s*hidden|color\s*:\s*(?:white|#fff(?:fff)?)\b)/i.exec(
        text,
      );
    if (unseen && /\.(md|mdx|markdown|html?)$/i.test(file.path))
      yield found("hidden-comment", "medium", file, file.line(unseen.index), "it holds text that people do not see, and a model does");
    for (const blob of text.matchAll(/[A-Za-z0-9+/]{60,}={0,2}/g)) {
      const inside = Buffer.from(blob[0], "base64").toString("utf8");
      const isSaid = phrases.some(({ pattern }) => new RegExp(pattern.source, pattern.flags.replace("g", "")).test(plainly(inside)));
      if (isSaid || decodedIn(blob[0]) !== undefined)
        yield found("hidden-text", "high", file, file.line(blob.index), `it holds text in base64 that says: "${excerpt(inside)}"`);
    }
  }
};

function* commentsIn(text: string): Generator<readonly [comment: string, at: number]> {
  for (let at = text.indexOf("<!--"); at >= 0; ) {
    const end = text.indexOf("-->", at);
    if (end < 0) return;
    yield [text.slice(at + 4, end), at];
    at = text.indexOf("<!--", end);
  }
}

/** Small letters in their usual form, one space between words: letters that only look alike, and signs between them, hide nothing. Lines stay. */
const plainly = (text: string): string =>
  text
    .normalize("NFKC")
    .replace(/[\u200b-\u200d\u2060-\u2064\ufeff\u00ad\u{e0000}-\u{e007f}]/gu, "")
    .replace(/[\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456]/g, (sign) => lookalikes[sign] ?? sign)
    .replace(/[\u2018\u2019]/g, "'")
    .toLowerCase()
    .replace(/(?<!\w)(?:[*_`]{1,3}|~~)(?=\S)|(?<=\S)(?:[*_`]{1,3}|~~)(?!\w)/g, "")
    // A sentence goes on in the next line; a paragraph does not.
    .replace(/([^\n])\n(?![ \t]*(?:\n|[-#>*|\d<[]))[ \t]*/g, "$1 ")
    .replace(/[ \t]+/g, " ");

/** Of Cyrillic, in words that are otherwise Latin. */
const lookalikes: Readonly<Record<string, string>> = { а: "a", е: "e", о: "o", р: "p", с: "c", у: "y", х: "x", і: "i" };

/** Where it stands in the text itself, found by its first words. */
function placeOf(text: string, plain: string, index: number): number {
  const words = plain
    .slice(index, index + 40)
    .split(/\W+/)
    .filter((word) => word.length > 2)
    .slice(0, 2);
  if (words.length === 0) return 0;
  const before = Math.max(0, Math.floor(index * 0.9) - 40);
  const at = text.toLowerCase().indexOf(words[0]!, before);
  return at >= 0 ? at : Math.max(0, text.toLowerCase().indexOf(words[0]!));
}

/** A rule that forbids it says the same words. */
function isForbidden(plain: string, index: number, match: string): boolean {
  // "Never ... without asking" is what it should say.
  if (match.startsWith("without"))
    return /\b(?:never|not|cannot|nothing|nobody|[a-z]+n't)\b[^.\n]{0,80}$/.test(plain.slice(Math.max(0, index - 100), index));
  if (/^(do not|don't|never|must not|the user)/.test(match)) return false;
  return /(?:\b(?:do not|don't|never|must not|should not|cannot|can't|refuse to|not to|no one may|nobody may|instead of|rather than|avoid|to prevent|prevents|protects? against)\b[^.\n]{0,25})$/.test(
    plain.slice(Math.max(0, index - 60), index),
  );
}

/** Spoken of, as who warns of it does. Still shown: it may be a ruse. */
const isQuoted = (plain: string, index: number): boolean =>
  /(?:such as|for example|e\.g\.|like|attempts?|attacks?|injections?|phrases?|says|trick)\b[^.\n]{0,60}["“«'][^"”»\n]{0,40}$/.test(
    plain.slice(Math.max(0, index - 140), index),
  );
