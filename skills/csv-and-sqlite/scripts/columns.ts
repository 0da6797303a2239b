/** What the columns of a CSV file are called in a database, and of which type they are. */

type Type = "INTEGER" | "REAL" | "TEXT";

export interface Column {
  readonly name: string;
  /** As the file has it. */
  readonly title: string;
  readonly type: Type;
  readonly empty: number;
  readonly example: string;
  /** What somebody should know before they count on it. */
  readonly note: string;
}

export const tableName = (text: string): string => {
  const name = text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_")
    .replace(/^_+|_+$/g, "");
  return name === "" ? "column" : /^\d/.test(name) ? `n_${name}` : name;
};

export function columnsOf(titles: readonly string[], rows: readonly (readonly string[])[], decimal: "." | ","): readonly Column[] {
  const taken = new Set<string>();
  return titles.map((title, at) => {
    const base = tableName(title || `column_${at + 1}`);
    let name = base;
    for (let n = 2; taken.has(name); n += 1) name = `${base}_${n}`;
    taken.add(name);
    const values = rows.map((row) => row[at]?.trim() ?? "");
    const filled = values.filter((value) => value !== "");
    const type = typeOf(filled, decimal);
    return { name, title, type, empty: values.length - filled.length, example: filled[0] ?? "", note: noteOf(filled, type) };
  });
}

/** Digits that begin with 0 are a name (a postcode, an account), and so are more of them than a number holds. */
const integer = /^-?(?:0|[1-9]\d{0,14})$/;
const real = {
  ".": /^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:[eE][+-]?\d+)?$/,
  ",": /^-?(?:0|[1-9]\d{0,14}|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?$/,
};

function typeOf(filled: readonly string[], decimal: "." | ","): Type {
  if (filled.length === 0) return "TEXT";
  if (filled.every((value) => integer.test(value))) return "INTEGER";
  return filled.every((value) => real[decimal].test(value)) ? "REAL" : "TEXT";
}

function noteOf(filled: readonly string[], type: Type): string {
  if (type !== "TEXT" || filled.length === 0) return "";
  if (filled.every((value) => /^-?[\d.]*,\d+$|^-?\d+$/.test(value))) return "numbers with a comma? then --decimal ,";
  if (filled.every((value) => /^\d{1,2}[./]\d{1,2}[./]\d{2,4}$/.test(value))) return "dates that do not sort as text";
  const numbers = filled.filter((value) => real["."].test(value)).length;
  return numbers > filled.length / 2 ? `${filled.length - numbers} of ${filled.length} are no number` : "";
}

export function cellValue(text: string, type: Type, decimal: "." | ","): string | number | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (type === "TEXT") return text;
  return Number(decimal === "," ? trimmed.replaceAll(".", "").replace(",", ".") : trimmed);
}
