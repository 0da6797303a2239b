import { type CliCommand, commonFlags, type Run, usageError } from "./command.ts";
import { commands } from "./commands.ts";
import { EXIT } from "./failure.ts";

const flagsOf = (command: CliCommand): string => [...(command.flags ?? []), ...commonFlags].map(({ name }) => `--${name}`).join(" ");
const first = [...new Set([...commands.map(({ name }) => name.split(" ")[0]!), "help"])];
const second = (word: string): string[] =>
  commands.flatMap(({ name }) => (name.startsWith(`${word} `) ? [name.slice(word.length + 1)] : []));
const parents = first.filter((word) => second(word).length > 0);
const summaryOf = (word: string): string => commands.find(({ name }) => name === word)?.summary ?? `${second(word).join(", ")}`;
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The words that may follow, by the words that are there: the same table in each shell's own language. */
const scripts: Readonly<Record<string, () => string>> = {
  bash: () => `_pincer() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words=''
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${commands
  .filter(({ name }) => name.includes(" "))
  .map((command) => `    ${quoted(command.name)}) [ "$COMP_CWORD" -gt 2 ] && words=${quoted(flagsOf(command))} ;;`)
  .join("\n")}
  esac
  if [ -z "$words" ]; then
    case "\${COMP_WORDS[1]}" in
${parents.map((word) => `      ${word}) words=${quoted(second(word).join(" "))} ;;`).join("\n")}
${commands
  .filter(({ name }) => !name.includes(" "))
  .map((command) => `      ${command.name}) words=${quoted(flagsOf(command))} ;;`)
  .join("\n")}
    esac
  fi
  [ "$COMP_CWORD" -eq 1 ] && words=${quoted(first.join(" "))}
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _pincer pincer`,
  zsh: () => `#compdef pincer
_pincer() {
  local -a choices
  if (( CURRENT == 2 )); then
    choices=(${first.map((word) => quoted(`${word}:${summaryOf(word).replaceAll(":", " ")}`)).join(" ")})
  else
    case "$words[2]" in
${parents.map((word) => `      ${word}) (( CURRENT == 3 )) && choices=(${second(word).join(" ")}) ;;`).join("\n")}
${commands
  .filter(({ name }) => !name.includes(" "))
  .map((command) => `      ${command.name}) choices=(${flagsOf(command)}) ;;`)
  .join("\n")}
    esac
  fi
  _describe command choices
}
compdef _pincer pincer`,
  fish: () =>
    [
      "complete -c pincer -f",
      ...first.map((word) => `complete -c pincer -n __fish_use_subcommand -a ${word} -d ${quoted(summaryOf(word))}`),
      ...parents.map((word) => `complete -c pincer -n '__fish_seen_subcommand_from ${word}' -a ${quoted(second(word).join(" "))}`),
      ...commands
        .filter(({ name }) => !name.includes(" "))
        .flatMap(({ name, flags = [] }) =>
          [...flags, ...commonFlags].map(
            (flag) => `complete -c pincer -n '__fish_seen_subcommand_from ${name}' -l ${flag.name} -d ${quoted(flag.summary)}`,
          ),
        ),
    ].join("\n"),
};

export const completion: Run = async ({ args: [shell = ""], terminal }) => {
  const script = scripts[shell];
  if (!script) throw usageError(`"${shell}" is not one of ${Object.keys(scripts).join(", ")}`);
  terminal.print(script());
  return EXIT.done;
};
