/** The list of skills in the prompt: within a budget, by what the conversation is about, and the same bytes as long as that lasts. */
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { neutralText } from "@pincer/plugin-sdk/untrusted";
import type { UsableSkill, View } from "./catalog.ts";
import type { Meaning } from "./meaning.ts";
import { fused, WordIndex } from "./search.ts";

/** Where not all fit, each says less, so that more of them are named. */
const longestLine = 240;
/** Of these each must be in the list; of the others it does not matter whether a list is made anew for them. */
const surely = 3;
const mostFound = 12;
const mostSessions = 1_000;

const head =
  "Skills are instructions for particular tasks. When one fits what is asked, read it with skills_read before you begin, and do as it says.";
const more = (count: number) => `${count} more are installed: skills_search finds them by what they are for.`;

const lineOf = ({ name, skill }: UsableSkill, longest: number): string => {
  const plain = neutralText(skill.description).replace(/\s+/g, " ").trim();
  if (plain.length <= longest) return `- ${name}: ${plain}`;
  const cut = plain.slice(0, longest);
  return `- ${name}: ${cut.slice(0, Math.max(cut.lastIndexOf(" "), longest / 2))}…`;
};

/** What is known of a view as long as it is the same. */
interface Measured {
  readonly view: View;
  readonly offered: readonly UsableSkill[];
  /** Of all, when that is within the budget. */
  readonly whole: string | undefined;
  readonly tokens: number;
  /** Made at the first question. */
  words?: WordIndex;
}

export class Offer implements Disposable {
  readonly #meaning: Meaning;
  /** When each was last used, by whomever. */
  readonly #used: () => ReadonlyMap<string, number>;
  readonly #measured = new Map<string, Measured>();
  /** What each conversation was shown last. */
  readonly #shown = new Map<string, { readonly names: ReadonlySet<string>; readonly text: string; readonly measured: Measured }>();

  constructor(meaning: Meaning, used: () => ReadonlyMap<string, number>) {
    this.#meaning = meaning;
    this.#used = used;
  }

  /** Empty: there is nothing to offer. */
  async text(view: View, sessionKey: string, said: string, tokens: number, signal: AbortSignal): Promise<string> {
    const measured = this.#measure(view, tokens);
    if (measured.whole !== undefined) return measured.whole;
    const before = this.#shown.get(sessionKey);
    const found = await this.#ranked(measured, said, signal);
    const isSame = before !== undefined && before.measured === measured && found.slice(0, surely).every((name) => before.names.has(name));
    const shown = isSame ? before : this.#choose(measured, found, before?.names ?? new Set());
    this.#shown.delete(sessionKey);
    this.#shown.set(sessionKey, shown);
    if (this.#shown.size > mostSessions) this.#shown.delete(this.#shown.keys().next().value!);
    return shown.text;
  }

  /** Those that a text is about, the best first. */
  async search(view: View, text: string, limit: number, signal: AbortSignal): Promise<readonly UsableSkill[]> {
    const measured = this.#measure(view, this.#measured.get(view.agent.id)?.tokens ?? 0);
    const names = await this.#ranked(measured, text, signal, limit);
    return names.flatMap((name) => view.usable.get(name) ?? []);
  }

  forget(sessionKey: string): void {
    this.#shown.delete(sessionKey);
  }

  [Symbol.dispose](): void {
    for (const { words } of this.#measured.values()) words?.[Symbol.dispose]();
  }

  #measure(view: View, tokens: number): Measured {
    const known = this.#measured.get(view.agent.id);
    if (known?.view === view && known.tokens === tokens) return known;
    known?.words?.[Symbol.dispose]();
    const offered = [...view.usable.values()].filter(({ skill }) => skill.modelInvocable);
    const measured: Measured = { view, offered, whole: wholeOf(offered, tokens), tokens };
    this.#measured.set(view.agent.id, measured);
    this.#meaning.learn(offered);
    return measured;
  }

  async #ranked(measured: Measured, text: string, signal: AbortSignal, limit?: number): Promise<readonly string[]> {
    measured.words ??= new WordIndex(measured.offered);
    const most = limit ?? mostFound;
    const byWords = measured.words.find(text, most, limit === undefined);
    const byMeaning = await this.#meaning.find(text, measured.offered, most, signal);
    return fused(byMeaning.length === 0 ? [byWords] : [byWords, byMeaning], most);
  }

  #choose(measured: Measured, found: readonly string[], before: ReadonlySet<string>) {
    const { offered, tokens, view } = measured;
    const used = this.#used();
    const rest = offered
      .filter(({ name }) => !found.includes(name) && !before.has(name))
      .sort((a, b) => (used.get(b.name) ?? 0) - (used.get(a.name) ?? 0) || b.changedAt - a.changedAt)
      .map(({ name }) => name);
    const names = new Set<string>();
    const lines: string[] = [];
    let left = tokens - textTokens(`${head}\n${more(offered.length)}`);
    for (const name of new Set([...found, ...before, ...rest])) {
      const skill = view.usable.get(name);
      if (skill === undefined || !skill.skill.modelInvocable) continue;
      const line = lineOf(skill, longestLine);
      const cost = textTokens(`${line}\n`);
      if (cost > left) break;
      left -= cost;
      names.add(name);
      lines.push(line);
    }
    const others = offered.length - names.size;
    const text = tokens === 0 ? "" : [head, ...(others === 0 ? [] : [more(others)]), ...lines.sort()].join("\n");
    return { names, text, measured };
  }
}

function wholeOf(offered: readonly UsableSkill[], tokens: number): string | undefined {
  if (offered.length === 0 || tokens === 0) return "";
  // Not worth writing down when names alone would be too much.
  if (offered.length * 4 > tokens) return undefined;
  const text = [head, ...offered.map((one) => lineOf(one, Number.POSITIVE_INFINITY))].join("\n");
  return textTokens(text) <= tokens ? text : undefined;
}
